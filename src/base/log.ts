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
