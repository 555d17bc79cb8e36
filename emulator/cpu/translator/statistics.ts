/**
 * Figures for `--stats`: how long translation took. The only clock in the translator; nothing but the report
 * depends on it.
 */
export class TranslatorStatistics {
  /** Seconds spent finding, writing and compiling regions. */
  compileSeconds = 0;

  begin(): number {
    return performance.now();
  }

  addCompileTime(start: number): void {
    this.compileSeconds += (performance.now() - start) / 1000;
  }
}
