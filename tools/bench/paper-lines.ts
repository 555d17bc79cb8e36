/**
 * The sizes of the paper's case studies, counted as the paper does: lines of code, and places where a program handles pointers by hand, that is where
 * Twizzler style would have plain references.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface SourceCount {
  /** Of what it is a twin. */
  readonly group: string;
  readonly file: string;
  readonly lines: number;
  /** Places that add a base to an offset, look a file's base up, translate or make a fat pointer, or write a link out. */
  readonly pointerSites: number;
}

const CASE_STUDIES: Readonly<Record<string, readonly string[]>> = {
  'red-black tree': ['ramrbt', 'twzrbt', 'unixrbt', 'filerbt'],
  'key-value store': ['twzkv', 'unixkv', 'unixkv-multi'],
  'logging service': ['twzlogboi', 'unixlogboi'],
  'ordered store': ['store/twz', 'store/pmdk', 'store/lmdb', 'store/native'],
  'what they need': ['store/pmem', 'store/page', 'store/page-tree', 'store/wal', 'store/file'],
};

/** Lines of a source that are neither empty nor comment. */
export function codeLines(source: string): number {
  return withoutComments(source)
    .split('\n')
    .filter((line) => !/^\s*$/.test(line)).length;
}

function withoutComments(source: string): string {
  return source.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '');
}

/** What is written for a pointer that is no reference. */
const POINTER =
  /at<\w+( \| null)?>\((base|this\.pager) ?[+.]|base \+ |- base|files\.(address|link)\(|\b(nodeAt|direct|point)\(|this\.page\(|(read|write)Number\(/g;

/** Places in a source where pointers are handled by hand. Definitions of the functions that do it do not count. */
export function pointerSites(source: string): number {
  return withoutComments(source)
    .split('\n')
    .filter((line) => !/^\s*(import|export function|function|private|override)\b/.test(line))
    .reduce((sum, line) => sum + (line.match(POINTER)?.length ?? 0), 0);
}

/** All case studies; none where the sources are not at hand. */
export function countCaseStudies(): SourceCount[] {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const sources = join(folder, 'guest', 'programs', 'paper');
    if (existsSync(join(folder, 'package.json')) && existsSync(sources)) {
      return Object.entries(CASE_STUDIES).flatMap(([group, files]) =>
        files.map((name) => {
          const source = readFileSync(join(sources, `${name}.ts`), 'utf8');
          return { group, file: `${name}.ts`, lines: codeLines(source), pointerSites: pointerSites(source) };
        }),
      );
    }
    if (folder === dirname(folder)) return [];
  }
}
