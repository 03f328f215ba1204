/**
 * YaST's log by `loghost`, SLES and Leap to 15: syslog lines of program `yast2`, `<level>[component] file:line words`
 * (yast-core, liby2util-r/src/y2log.cc), and those of libzypp as they stand in y2log. Words: yast-packager
 * (src/clients/inst_rpmcopy.rb), yast-autoinstallation (src/lib/autoinstall/clients), yast-storage-ng
 * (src/lib/y2storage/callbacks/commit.rb), libzypp (zypp/target/TargetImpl.cc, rpm/RpmDb.cc).
 */
import { COMMON_PATTERNS, failure, installed, question, readerOf, step } from "./log-lines.ts";

const YAST = /^(?:yast2|y2base|YaST2?)$/i;
/** `[Ruby] clients/inst_rpmcopy.rb:146 `, with the function's name after the file in older releases. */
const RUBY = String.raw`\] \S+\.(?:rb|ycp)(?:\([^)]*\))?:\d+ `;

export const readSuseLog = readerOf([
  {
    program: YAST,
    text: /RpmDb::installPackage\("?([^,"]+)/,
    finds: ([, path = ""]) => installed(path.replace(/.*\//, "").replace(/\.rpm$/, "")),
  },
  {
    program: YAST,
    text: /TargetImpl::commit\(<list>.*\)(\d+)$/,
    finds: ([, count = ""]) => ({ kind: "progress", text: `${count} packages to install`, of: Number(count) }),
  },
  { program: YAST, text: words("Calling Pkg::Commit\\("), finds: () => step("installing packages") },
  {
    program: YAST,
    text: words("(\\d+) packages installed$"),
    finds: ([, count = ""]) => step(`${count} packages are installed`),
  },
  {
    program: YAST,
    text: words("Executing pre-scripts$"),
    finds: () => step("running the scripts before the installation"),
  },
  { program: YAST, text: words("Probing hardware\\.\\.\\.$"), finds: () => step("detecting hardware") },
  { program: YAST, text: words("Starting processProfile "), finds: () => step("reading its profile") },
  {
    program: YAST,
    text: words("failed: (\\[.+\\])$"),
    finds: ([, names = ""]) => failure(`packages that failed: ${names}`),
  },
  { program: YAST, text: words("Aborting\\.\\.\\.$"), finds: () => failure("AutoYaST gives up") },
  {
    program: YAST,
    text: words("libstorage-ng reported an error, asking the user"),
    finds: () => question("go on after an error of the disk?"),
  },
  { program: YAST, text: words("Error details\\. (Message: .+)"), finds: ([, text = ""]) => failure(text) },
  { program: YAST, text: /(RPM failed: .+)/, finds: ([, text = ""]) => failure(text) },
  ...COMMON_PATTERNS,
]);

function words(pattern: string): RegExp {
  return new RegExp(`${RUBY}${pattern}`);
}
