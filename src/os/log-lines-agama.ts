/**
 * Agama's journal, as /everboot/log sends it: `identifier[pid]: words`. Words: agama-project/agama, branch
 * SLE-16 (service/lib/agama/progress.rb, software/callbacks/progress.rb, rust/agama-server/src/questions.rs) and master
 * of 2026-08 (rust/agama-software/src/callbacks, rust/agama-utils/src/question/service.rs, agama-manager/src/actions.rs).
 */
import { COMMON_PATTERNS, failure, installed, question, readerOf, step } from "./log-lines.ts";

const AGAMA = /^agama$/;

export const readAgamaLog = readerOf([
  {
    program: AGAMA,
    text: /: Installing (\S+) \((\d+)\/(\d+)\)$/,
    finds: ([, name = "", done, of]) => ({
      kind: "progress",
      text: `installing ${name}`,
      done: Number(done),
      of: Number(of),
    }),
  },
  { program: AGAMA, text: /: Finished installing package (\S+)$/, finds: ([, name = ""]) => installed(name) },
  // `description (2/5)`: what the manager does.
  { program: AGAMA, text: /: ([A-Z][\w ,'-]+) \(\d+\/\d+\)$/, finds: ([, text = ""]) => step(text.toLowerCase()) },
  { program: AGAMA, text: /: Installation started$/, finds: () => step("the installation begins") },
  { program: AGAMA, text: /: Installation completed successfully$/, finds: () => step("the installation is done") },
  { program: AGAMA, text: /: Creating new question with text: (.+)\.$/, finds: ([, text = ""]) => question(text) },
  {
    program: AGAMA,
    text: /: Asking question: (.+)$/,
    // One that the profile answers is logged in the same way, with its answer.
    finds: ([, shown = ""]) => (/\banswer: Some\(/.test(shown) ? undefined : question(textOf(shown))),
  },
  { program: AGAMA, text: /: Question \d+ answered$/, finds: () => step("the question was answered") },
  {
    program: AGAMA,
    text: /: (Problem (?:installing package|running install script).+)$/,
    finds: ([, text = ""]) => failure(text),
  },
  { program: AGAMA, text: /: (Package \S+ failed: .+)$/, finds: ([, text = ""]) => failure(text) },
  { program: AGAMA, text: /: (Installation (?:failed|error).*)$/, finds: ([, text = ""]) => failure(text) },
  ...COMMON_PATTERNS,
]);

/** Rust's way to show a value: `Question { id: 1, spec: QuestionSpec { text: "...", class: "..." ...`. */
function textOf(shown: string): string {
  const [, text] = /\btext: "((?:[^"\\]|\\.)*)"/.exec(shown) ?? [];
  return (text ?? shown).replace(/\\(.)/g, "$1");
}
