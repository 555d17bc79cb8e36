/** A region's guest code beside the WebAssembly made of it, for people who work on the translator. */
import { CodeWriter } from '../../wasm/code.ts';
import { listCode } from '../../wasm/listing.ts';
import { disassemble } from '../isa/disassembler.ts';
import { instructionsOf } from './block.ts';
import type { Assumptions } from './regime.ts';
import type { Region } from './region.ts';
import { RegionWriter } from './writer.ts';

const GUEST_WIDTH = 52;

/** Lines: guest instructions on the left, where their code begins; the code on the right. */
export function dumpRegion(region: Region, assumptions: Assumptions): string[] {
  const w = new CodeWriter(1);
  // Helpers are only called: any index will do.
  const writer = new RegionWriter(region, assumptions, w, () => 0);
  const marks = writer.collectMarks();
  writer.write();
  const words = new Map<number, number>();
  for (const block of region.blocks)
    for (const [instruction, delta] of instructionsOf(block)) words.set(delta, instruction.word);
  const guest = new Map<number, string[]>();
  for (const { delta, offset } of marks) {
    const pc = BigInt.asUintN(64, region.root + BigInt(delta));
    const text = disassemble(words.get(delta)!, pc).replace('\t', ' ');
    guest.set(offset, [...(guest.get(offset) ?? []), `${pc.toString(16)}  ${text}`]);
  }
  const { data } = assumptions;
  const lines = [
    `region at 0x${region.root.toString(16)}: ${region.instructions} instructions in ${region.blocks.length} blocks, ` +
      `${w.length} bytes of WebAssembly, ${data.kind === 'window' ? 'direct window' : 'TLB'}`,
  ];
  for (const { offset, text } of listCode(w.bytes())) {
    const left = guest.get(offset) ?? [''];
    for (const extra of left.slice(0, -1)) lines.push(extra);
    lines.push(`${left[left.length - 1]!.padEnd(GUEST_WIDTH)}| ${text}`);
  }
  return lines;
}
