/** Keyboard layouts by YaST's names (yast-country, keyboard_raw.ycp; the same from SLES 10 to 15). */
const KEYMAPS: ReadonlyMap<string, string> = new Map([
  ["us", "english-us"],
  ["gb", "english-uk"],
  ["uk", "english-uk"],
  ["be", "belgian"],
  ["br", "portugese-br"],
  ["ca", "french-ca"],
  ["ch", "german-ch"],
  ["cz", "czech"],
  ["de", "german"],
  ["dk", "danish"],
  ["es", "spanish"],
  ["fi", "finnish"],
  ["fr", "french"],
  ["gr", "greek"],
  ["hr", "croatian"],
  ["hu", "hungarian"],
  ["is", "icelandic"],
  ["it", "italian"],
  ["jp", "japanese"],
  ["kr", "korean"],
  ["latam", "spanish-lat"],
  ["nl", "dutch"],
  ["no", "norwegian"],
  ["pl", "polish"],
  ["pt", "portugese"],
  ["ro", "romanian"],
  ["ru", "russian"],
  ["se", "swedish"],
  ["si", "slovene"],
  ["sk", "slovak"],
  ["tr", "turkish"],
  ["ua", "ukrainian"],
]);

/** For an XKB layout; YaST's own names stay as they are. */
export function yastKeymap(layout: string): string | undefined {
  return KEYMAPS.get(layout) ?? [...KEYMAPS.values()].find((name) => name === layout);
}

export const KNOWN_LAYOUTS: readonly string[] = [...KEYMAPS.keys()].sort();
