/**
 * One download as a boot loader makes it (RFC 1350, 7440), as a pure state machine in plain numbers: the load must cost
 * less than the servers that it measures. It answers blocks that it does not expect as atftp 0.8 does: the first of them,
 * not each; and once more when they begin anew.
 */

export interface Download {
  /** The next block that fits, counted from 1 without wrapping. */
  expected: number;
  /** Blocks that fitted since the last acknowledgement. */
  since: number;
  /** The last block that was not expected, 0 = none since the last that was. One before it is of a window that starts anew. */
  told: number;
  windowSize: number;
  blockSize: number;
  bytes: number;
  done: boolean;
}

export function newDownload(): Download {
  return { expected: 1, since: 0, told: 0, windowSize: 1, blockSize: 512, bytes: 0, done: false };
}

/**
 * Takes a DATA packet.
 * @param wireBlock 0 to 65535 @param length bytes of data
 * @returns whether `expected - 1` is to be acknowledged
 */
export function takeData(download: Download, wireBlock: number, length: number): boolean {
  const ahead = ((wireBlock - download.expected + 0x8000) & 0xffff) - 0x8000;
  return ahead === 0 ? takeNext(download, length) : takeOther(download, download.expected + ahead);
}

/** Does the block fit? Its bytes are then those from `(expected - 1) * blockSize`. */
export function isNext(download: Download, wireBlock: number): boolean {
  return wireBlock === (download.expected & 0xffff);
}

function takeNext(download: Download, length: number): boolean {
  download.expected += 1;
  download.bytes += length;
  download.told = 0;
  download.since += 1;
  download.done = length < download.blockSize;
  return download.done || download.since === download.windowSize ? acknowledged(download) : false;
}

/** Behind a gap, or one that is there already, as its acknowledgement was lost. */
function takeOther(download: Download, block: number): boolean {
  const isNew = download.told === 0 || block <= download.told;
  download.told = block;
  return isNew ? acknowledged(download) : false;
}

function acknowledged(download: Download): true {
  download.since = 0;
  return true;
}
