/** HTTP dates (RFC 9110 section 5.6.7) as milliseconds since 1970, always whole seconds. */

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const TIME = "(?<hour>\\d{2}):(?<minute>\\d{2}):(?<second>\\d{2})";
/** A recipient must understand all three: IMF-fixdate, RFC 850 and asctime. */
const FORMS = [
  new RegExp(`^[A-Z][a-z]{2}, (?<day>\\d{2}) (?<month>[A-Z][a-z]{2}) (?<year>\\d{4}) ${TIME} GMT$`),
  new RegExp(`^[A-Z][a-z]{5,8}, (?<day>\\d{2})-(?<month>[A-Z][a-z]{2})-(?<year>\\d{2}) ${TIME} GMT$`),
  new RegExp(`^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})$`),
];

export function formatHttpDate(time: number): string {
  return new Date(time).toUTCString();
}

export function wholeSeconds(time: number): number {
  return Math.floor(time / 1000) * 1000;
}

/** `now` settles the century of a two-digit year. Undefined = not a date, and to be treated as if it were not there. */
export function parseHttpDate(text: string, now: number): number | undefined {
  for (const form of FORMS) {
    const fields = form.exec(text)?.groups;
    if (fields) return timeOf(fields, now);
  }
  return undefined;
}

function timeOf(fields: Readonly<Record<string, string>>, now: number): number | undefined {
  const { day, month: monthName = "", year: yearText = "", hour, minute, second } = fields;
  const month = MONTHS.indexOf(monthName);
  const year = fullYear(yearText, now);
  const time = Date.UTC(year, month, Number(day), Number(hour), Number(minute), Number(second));
  const real = month >= 0 && new Date(time).getUTCDate() === Number(day);
  return real ? time : undefined;
}

/** A two-digit year that would be more than 50 years ahead is the one of the century before. */
function fullYear(text: string, now: number): number {
  if (text.length === 4) return Number(text);
  const thisYear = new Date(now).getUTCFullYear();
  const year = thisYear - (thisYear % 100) + Number(text);
  return year > thisYear + 50 ? year - 100 : year;
}
