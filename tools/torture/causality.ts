/**
 * What happens before what, in a run whose steps are known by the memory that they touch. Two runs in which the same steps of
 * each thread see the same stores come to the same state, in whatever order independent steps were taken (Mazurkiewicz traces); so a state has a name
 * that does not depend on that order: for each thread the last step, which is named after the steps that it directly depends on
 * (happens-before caching: Musuvathi and Qadeer, Microsoft Research MSR-TR-2007-12).
 *
 * Fences and acknowledgements do not count as dependent here: what the persistency engine holds follows from each thread's own
 * steps and the order of stores and write-backs in each block. They only decide at which of the states the power fails with which question.
 */
import type { Footprint } from './footprint.ts';

/** Names of steps, for all runs of one exploration. */
export class StepNames {
  private readonly names = new Map<string, number>();

  /** A small number, the same for the same step after the same steps. */
  of(thread: number, after: readonly number[]): number {
    const key = `${thread}:${after.join()}`;
    let name = this.names.get(key);
    if (name === undefined) {
      name = this.names.size + 1;
      this.names.set(key, name);
    }
    return name;
  }
}

/** The last steps that stored to a word, and that read it since. */
interface Accesses {
  writer: number;
  readers: number[];
}

export class Causality {
  /** By thread. */
  private readonly last: number[] = [];
  private readonly words = new Map<number, Accesses>();

  constructor(private readonly names: StepNames) {}

  /** The next step is over. */
  add(thread: number, { reads, writes }: Pick<Footprint, 'reads' | 'writes'>): void {
    const after = new Set([this.last[thread] ?? 0]);
    for (const word of reads) after.add(this.words.get(word)?.writer ?? 0);
    for (const word of writes) {
      const { writer, readers } = this.words.get(word) ?? { writer: 0, readers: [] };
      after.add(writer);
      for (const reader of readers) after.add(reader);
    }
    const causes = [...after];
    if (causes.length > 1) causes.sort((a, b) => a - b);
    const name = this.names.of(thread, causes);
    while (this.last.length <= thread) this.last.push(0);
    this.last[thread] = name;
    for (const word of reads) {
      const accesses = this.words.get(word);
      if (accesses) accesses.readers.push(name);
      else this.words.set(word, { writer: 0, readers: [name] });
    }
    for (const word of writes) this.words.set(word, { writer: name, readers: [] });
  }

  /** The same for runs that have come to the same state. */
  get state(): string {
    return this.last.join();
  }
}
