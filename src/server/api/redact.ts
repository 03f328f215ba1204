/** Keeps secrets out of what is shown around, though a log line, a path or a note should hold one. Pure. */

/**
 * crypt(5) hashes, locked ones too; tokens of permits (128 bits in hex) and of the API. In JSON text: what ends a string
 * there, or begins an escape, ends a secret.
 */
const SECRETS = /\$[0-9a-z]{1,9}\$[^\s"'\\,;]{4,}|\b[0-9a-f]{32}\b|\beb_[voa]_[a-z2-7]{32}\b/g;

export function redact(json: string): string {
  return json.replace(SECRETS, "[hidden]");
}
