/** Reading the XML of rpm repositories piece by piece. Pure. Source: createrepo_c 0.17, what it writes. */
import { StringDecoder } from "node:string_decoder";
import { SaxesParser } from "saxes";
import { EverbootError } from "../base/errors.ts";

export interface XmlHandlers {
  /** An element begins. */
  open(name: string, attributes: Readonly<Record<string, string>>): void;
  /** An element ends; `text` is what stood in it itself, trimmed, for the elements in `texts` alone. */
  close(name: string, text: string): void;
  readonly texts: ReadonlySet<string>;
}

/** Of a document only the piece at hand is in memory. Throws EverbootError `upstream-mismatch` when it is no XML. */
export class XmlReader {
  private readonly parser = new SaxesParser();
  private readonly decoder = new StringDecoder("utf8");
  private text = "";
  private isWanted: boolean = false;

  constructor(handlers: XmlHandlers) {
    this.parser.on("error", (cause) => {
      throw new EverbootError("upstream-mismatch", {}, cause);
    });
    this.parser.on("opentag", ({ name, attributes }) => {
      this.text = "";
      this.isWanted = handlers.texts.has(name);
      handlers.open(name, attributes);
    });
    this.parser.on("text", (text) => {
      if (this.isWanted) this.text += text;
    });
    this.parser.on("closetag", ({ name }) => {
      handlers.close(name, this.text.trim());
      this.text = "";
      this.isWanted = false;
    });
  }

  push(chunk: Uint8Array): void {
    this.parser.write(this.decoder.write(chunk));
  }

  finish(): void {
    this.parser.write(this.decoder.end()).close();
  }
}
