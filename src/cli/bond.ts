/** `everboot bond`: the bonds of the machine that it is called on, an install server's above all. */
import { EverbootError } from "../base/errors.ts";
import { BOND_APPLY_USAGE, BOND_CONFIRM_USAGE, bondApply, bondConfirm } from "./bond-apply.ts";
import { BOND_RENDER_USAGE, bondRender } from "./bond-render.ts";
import { BOND_STATUS_USAGE, bondStatus } from "./bond-status.ts";
import type { Command, Io } from "./command.ts";

const SUB_COMMANDS: Readonly<Record<string, (args: readonly string[], io: Io) => Promise<number>>> = {
  status: (args, io) => bondStatus(args, io),
  render: (args, io) => bondRender(args, io),
  apply: (args, io) => bondApply(args, io),
  confirm: (args, io) => bondConfirm(args, io),
};

const USAGE = `everboot bond status|render|apply|confirm   (this machine's own bonds)

${[BOND_STATUS_USAGE, BOND_RENDER_USAGE, BOND_APPLY_USAGE, BOND_CONFIRM_USAGE].join("\n\n")}`;

export const bondCommand: Command = {
  name: "bond",
  summary: "this machine's own bonds: look at them, write them, make them with a way back",
  usage: USAGE,
  run: async ([name = "", ...args], io) => {
    const run = Object.hasOwn(SUB_COMMANDS, name) ? SUB_COMMANDS[name] : undefined;
    if (run) return run(args, io);
    const names = Object.keys(SUB_COMMANDS).join(", ");
    throw new EverbootError("usage", { what: `everboot bond ${name}: choose one of ${names}` });
  },
};
