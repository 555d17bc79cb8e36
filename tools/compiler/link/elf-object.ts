/** Reads a relocatable ELF file, such as GCC's `.o`, as an object file for the linker. */
import { ET, SHF, SHN, SHT, STT } from '../../../emulator/elf/constants.ts';
import { readElf, readRelocations } from '../../../emulator/elf/reader.ts';
import { UserError } from '../../../emulator/errors.ts';
import { ObjectFile, ObjectSection, ObjectSymbol } from './object.ts';

/** Whether a section of this type carries something that the linker joins. */
const isContent = (type: number): boolean =>
  type === SHT.PROGBITS || type === SHT.NOBITS || type === SHT.INIT_ARRAY || type === SHT.FINI_ARRAY;

/** @param name what messages call the file */
export function readObject(bytes: Uint8Array, name: string): ObjectFile {
  const elf = readElf(bytes, name);
  if (elf.type !== ET.REL) throw new UserError(`${name}: not a relocatable object file (compile with -c)`);
  const object = new ObjectFile(name);
  const sections = new Map<number, ObjectSection>();
  for (const section of elf.sections) {
    if (!isContent(section.type)) continue;
    // Unwinding tables of other compilers are for their own runtime; .debug_frame serves debuggers.
    if (section.name === '.eh_frame') continue;
    const copy = new ObjectSection(
      section.name,
      section.type,
      Number(section.flags) & (SHF.WRITE | SHF.ALLOC | SHF.EXECINSTR),
      Math.max(Number(section.align), 1),
    );
    copy.data = section.data.slice();
    copy.size = Number(section.size);
    sections.set(section.index, copy);
    object.sections.push(copy);
  }
  const symbols = elf.symbols.map((symbol) => {
    const copy = new ObjectSymbol(symbol.name);
    copy.value = Number(symbol.value);
    copy.size = Number(symbol.size);
    copy.binding = symbol.binding;
    copy.type = symbol.type;
    copy.section = sections.get(symbol.section);
    copy.isAbsolute = symbol.section === SHN.ABS;
    if (symbol.section === SHN.COMMON) {
      copy.commonAlign = Math.max(Number(symbol.value), 1);
      copy.value = 0;
    }
    if (symbol.type !== STT.FILE) object.symbols.push(copy);
    return copy;
  });
  for (const section of elf.sections) {
    const target = section.type === SHT.RELA ? sections.get(section.info) : undefined;
    if (target === undefined) continue;
    for (const reloc of readRelocations(elf, section)) {
      target.relocs.push({
        offset: Number(reloc.offset),
        type: reloc.type,
        symbol: symbols[reloc.symbol]!,
        addend: Number(reloc.addend),
      });
    }
  }
  return object;
}
