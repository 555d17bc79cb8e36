/**
 * Which program an address belongs to: the kernel or a bare program where it was linked, and in the object window the
 * program whose code the object holds, known by the object's ID. Programs run from copies of what the boot archive
 * holds, each with an ID of its own, so an object's program is found by its contents: its pages of code equal the
 * file's.
 */
import { PAGE_SIZE } from '../../emulator/addresses.ts';
import { PF, PT } from '../../emulator/elf/constants.ts';
import type { Core } from '../../emulator/machine/core.ts';
import type { Machine } from '../../emulator/machine/machine.ts';
import { ADDRESS } from '../../emulator/mmu/xtwz/layout.ts';
import type { ObjectId, ObjectPlace, ObjectSpace, ViewState } from './object-space.ts';
import type { Program } from './program.ts';

/** A place in a program. */
export interface CodePlace {
  readonly program: Program;
  /** The address that the program was linked for. */
  readonly address: bigint;
  /** Added to linked addresses where it runs. */
  readonly bias: bigint;
  /** The object that holds it, in the object window. */
  readonly object?: ObjectPlace;
}

export class Modules {
  /** What runs where it was linked: firmware, kernel, bare programs. */
  readonly fixed: readonly Program[];
  /** What runs from objects. */
  readonly objects: readonly Program[];
  private readonly known = new Map<ObjectId, Program>();

  constructor(
    private readonly machine: Machine,
    private readonly space: ObjectSpace,
    programs: { readonly fixed: readonly Program[]; readonly objects: readonly Program[] },
  ) {
    this.fixed = programs.fixed;
    this.objects = programs.objects;
  }

  get all(): readonly Program[] {
    return [...this.fixed, ...this.objects];
  }

  /** Names the program of an object by hand. */
  name(id: ObjectId, program: Program): void {
    this.known.set(id, program);
  }

  /** The program whose code an object holds. */
  programOf(id: ObjectId): Program | undefined {
    const known = this.known.get(id);
    if (known !== undefined) return known;
    const object = this.space.find(id);
    if (object === undefined) return undefined;
    const found = this.objects.find((program) => this.holds(object.descriptor, program));
    if (found) this.known.set(id, found);
    return found;
  }

  /** Whether the present code pages of an object equal a program's, and there are some. */
  private holds(descriptor: number, program: Program): boolean {
    const { memory } = this.machine;
    let compared = 0;
    for (const segment of program.elf.segments) {
      if (segment.type !== PT.LOAD || (segment.flags & PF.X) === 0) continue;
      for (let at = 0; at < segment.data.length; at += PAGE_SIZE) {
        const pa = this.space.physical(descriptor, Number(segment.vaddr) + at);
        if (pa === undefined) continue;
        const expected = segment.data.subarray(at, at + PAGE_SIZE);
        if (Buffer.compare(memory.readBytes(pa, expected.length), expected) !== 0) return false;
        compared++;
      }
    }
    return compared > 0;
  }

  /** The program at an address as a core sees it, or as another view has it. */
  at(core: Core, va: bigint, view: ViewState = this.space.viewOf(core)): CodePlace | undefined {
    const inObjects = va >> BigInt(ADDRESS.offsetBits + ADDRESS.slotBits) === 0n;
    if (inObjects && this.space.isOn(core)) {
      const object = this.space.objectOf(view, va);
      const program = object && this.programOf(object.id);
      if (object === undefined || program === undefined) return undefined;
      const address = BigInt(object.offset);
      return { program, address, bias: va - address, object };
    }
    for (const program of this.fixed) {
      if (covers(program, va)) return { program, address: va, bias: 0n };
      // Before it switches translation on, a kernel runs at its physical addresses.
      const high = va + ADDRESS.supervisorBase;
      if (covers(program, high)) return { program, address: high, bias: -ADDRESS.supervisorBase };
    }
    return undefined;
  }
}

/** Whether a program has something at an address. */
function covers(program: Program, address: bigint): boolean {
  return program.elf.segments.some(
    ({ type, vaddr, memorySize }) => type === PT.LOAD && vaddr <= address && address < vaddr + memorySize,
  );
}
