/** Lets works run one at a time, in the order they came. */
export function createMutex(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const running = last.then(work, work);
    last = running;
    return running;
  };
}
