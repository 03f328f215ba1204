/** Logging as a port; pino fulfils it (`createLogger` in daemon.ts), tests use `silentLog`. */

export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  child(fields: LogFields): Log;
}

export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
};

/** A field that is made only when its line is written: most lines are not. */
export function lazily(text: () => string): { toJSON(): string } {
  return { toJSON: text };
}

/**
 * What a log line says of an error: its code if it has one, and its message with those of its causes, outermost first
 * (JSON alone would leave messages out). Anything else is as it is.
 */
export function errorForLog(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const messages: string[] = [];
  // A circle of causes ends somewhere, too.
  for (let each: unknown = error; each instanceof Error && messages.length < 8; each = each.cause) {
    messages.push(each.message);
  }
  const { cause: _told, ...fields } = error;
  return { ...fields, message: messages.filter((text) => text !== "").join(": ") };
}
