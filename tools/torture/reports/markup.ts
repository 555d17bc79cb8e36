/**
 * Escaping for the reports that are markup (HTML, SVG, JUnit XML): whatever a program prints, or is called, cannot end
 * an element or an attribute, and characters that XML 1.0 §2.2 does not allow are shown as U+FFFD, not passed on.
 */

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** XML 1.0 §2.2, production Char; a surrogate without its other half is a code point of its own here. */
function isAllowed(codePoint: number): boolean {
  if (codePoint < 0x20) return codePoint === 0x9 || codePoint === 0xa || codePoint === 0xd;
  return (codePoint < 0xd800 || codePoint > 0xdfff) && codePoint !== 0xfffe && codePoint !== 0xffff;
}

/** Text or an attribute's value, safe between tags and quotes. */
export function escapeMarkup(text: string): string {
  return Array.from(text, (character) =>
    isAllowed(character.codePointAt(0)!) ? (ENTITIES[character] ?? character) : '\ufffd',
  ).join('');
}

/** An element around content that is markup already; attributes are escaped here. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  content: string | readonly string[] = '',
): string {
  const written = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${escapeMarkup(String(value))}"`,
  );
  return `<${name}${written.join('')}>${typeof content === 'string' ? content : content.join('')}</${name}>`;
}
