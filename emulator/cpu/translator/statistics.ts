/**
 * Figures for `--stats`: how long the engine and translation took, and what was run by which tier. The clocks here are
 * the only ones in the translator; nothing but the report depends on them.
 */
import type { CodeCache } from './code-cache.ts';

/** What the trampolines of all harts counted. */
export interface TrampolineCounts {
  /** Regions left, by `Outcome`; `next` is not counted. */
  readonly outcomes: readonly number[];
  /** Times that the interpreter took over for more than one instruction. */
  readonly interpreted: number;
  /** Instructions that the interpreter executed. */
  readonly interpretedInstructions: number;
}

const count = (value: number): string => value.toLocaleString('en-US');

export class TranslatorStatistics {
  /** Seconds in the engine, compiling included; 0 unless timed. */
  engineSeconds = 0;
  /** Seconds of these in the interpreter. */
  interpreterSeconds = 0;
  /** Seconds spent finding, writing and compiling regions. */
  compileSeconds = 0;

  begin(): number {
    return performance.now();
  }

  addCompileTime(start: number): void {
    this.compileSeconds += (performance.now() - start) / 1000;
  }

  addEngineTime(start: number): void {
    this.engineSeconds += (performance.now() - start) / 1000;
  }

  /** A function of WebAssembly that does the same and has its time counted as the interpreter's. */
  timed(run: (hart: number, start: number) => number): (hart: number, start: number) => number {
    return (hart, at) => {
      const start = this.begin();
      const result = run(hart, at);
      this.interpreterSeconds += (performance.now() - start) / 1000;
      return result;
    };
  }

  /** @param executed instructions executed by both tiers */
  lines(code: CodeCache, counts: TrampolineCounts, executed: number): string[] {
    const { statistics } = code;
    const { outcomes, interpretedInstructions } = counts;
    const translated = Math.max(0, executed - interpretedInstructions);
    const rest = Math.max(0, this.engineSeconds - this.compileSeconds - this.interpreterSeconds);
    const share = executed === 0 ? 0 : (100 * translated) / executed;
    return [
      `engine time    ${this.engineSeconds.toFixed(3)} s, of which ${this.compileSeconds.toFixed(3)} s compiling, ${this.interpreterSeconds.toFixed(3)} s in the interpreter, ${rest.toFixed(3)} s in translated code`,
      `tiers          ${count(translated)} instructions translated (${share.toFixed(1)} %), ${count(interpretedInstructions)} interpreted in ${count(counts.interpreted)} stretches`,
      `regions        ${count(statistics.regions)} of ${count(statistics.instructions)} instructions, in ${count(statistics.modules)} modules of ${count(statistics.bytes)} bytes; ${count(code.liveModules)} modules alive, ${count(statistics.evicted)} regions evicted`,
      `region exits   ${count(outcomes[1]!)} single steps, ${count(outcomes[2]!)} ends of budget, ${count(outcomes[3]!)} broken assumptions, ${count(outcomes[4]!)} split accesses`,
    ];
  }
}
