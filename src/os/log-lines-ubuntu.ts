/**
 * Subiquity's journal, as our early command sends it: `identifier[pid]: words` of program `subiquity`. Words:
 * canonical/subiquity (subiquity/server/server.py `_maybe_push_to_journal`, controllers/install.py), canonical/curtin
 * (reporter/events.py, commands/install.py).
 */
import { COMMON_PATTERNS, failure, readerOf, step } from "./log-lines.ts";
import { dpkgPatterns } from "./log-lines-dpkg.ts";

const SUBIQUITY = /^subiquity$/;

export const readUbuntuLog = readerOf([
  {
    program: SUBIQUITY,
    text: /^subiquity_event\.\d+\[\d+\]: +subiquity\/(?:Install|Early|Late|Error)\/\S+: (.+)$/,
    finds: ([, text = ""]) => step(text),
  },
  {
    program: SUBIQUITY,
    text: /^\S+\[\d+\]: +finish: (\S+): FAIL: (.+)$/,
    finds: ([, name = "", text = ""]) => failure(`${name} failed: ${text}`),
  },
  {
    program: SUBIQUITY,
    text: /: +curtin: Installation failed with exception: (.+)$/,
    finds: ([, text = ""]) => failure(`curtin stopped: ${text}`),
  },
  { program: SUBIQUITY, text: /: +(An error occurred handling '.+)$/, finds: ([, text = ""]) => failure(text) },
  ...dpkgPatterns(SUBIQUITY, String.raw`\S+\[\d+\]: +`),
  ...COMMON_PATTERNS,
]);
