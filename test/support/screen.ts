/** What a terminal shows of what was written to it: the few codes that the watch uses; any other is an error. */

export interface Screen {
  write(text: string): void;
  /** Its rows, without what is blank at their ends. */
  rows(): string[];
  /** Another size; as with real terminals what is shown stays where it fits. */
  resize(columns: number, rows: number): void;
  readonly isOther: boolean;
  readonly hasCursor: boolean;
}

/** For text of one column a character. Throws for a character written past the last column. */
export function createScreen(columns: number, rows: number): Screen {
  let cells = blank(columns, rows);
  let row = 0;
  let column = 0;
  let isOther = false;
  let hasCursor = true;

  function control(parameters: string, final: string): void {
    switch (final) {
      case "H":
        [row = 0, column = 0] = parameters.split(";").map((number) => Number(number) - 1);
        break;
      case "K":
        cells[row]?.fill(" ", column);
        break;
      case "J":
        cells = blank(cells[0]?.length ?? 0, cells.length);
        break;
      case "m":
        break;
      case "h":
      case "l":
        if (parameters === "?1049") isOther = final === "h";
        else if (parameters === "?25") hasCursor = final === "h";
        else throw new Error(`mode ${parameters} is not known`);
        break;
      default:
        throw new Error(`code ${parameters}${final} is not known`);
    }
  }

  return {
    write(text) {
      for (const [, parameters = "", final = "", character = ""] of text.matchAll(
        /\p{Cc}\[([?\d;]*)([a-zA-Z])|(.|\n)/gsu,
      )) {
        if (final !== "") control(parameters, final);
        else {
          const cell = cells[row];
          if (!cell || column >= cell.length || character < " ")
            throw new Error(`${JSON.stringify(character)} at ${row}, ${column}`);
          cell[column] = character;
          column += 1;
        }
      }
    },
    rows: () => cells.map((cell) => cell.join("").trimEnd()),
    resize(newColumns, newRows) {
      const old = cells;
      cells = blank(newColumns, newRows).map((cell, place) => cell.map((empty, each) => old[place]?.[each] ?? empty));
    },
    get isOther() {
      return isOther;
    },
    get hasCursor() {
      return hasCursor;
    },
  };
}

function blank(columns: number, rows: number): string[][] {
  return Array.from({ length: rows }, () => Array.from({ length: columns }, () => " "));
}
