/** The optimiser: which passes run, in which order. */
import type { Module } from '../ir/ir.ts';

/** Optimises all functions of a module in place. */
export function optimise(_module: Module): void {}
