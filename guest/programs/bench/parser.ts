/** A recursive-descent parser and evaluator of arithmetic expressions. */
class Parser {
  text: Slice<u8>;
  at: u64;

  peek(): u8 {
    return this.at < this.text.length ? this.text[this.at] : 0;
  }

  skipSpaces(): void {
    while (this.peek() === u8(' ')) this.at++;
  }

  primary(): i64 {
    this.skipSpaces();
    const c = this.peek();
    if (c === u8('(')) {
      this.at++;
      const value = this.sum();
      this.skipSpaces();
      this.at++;
      return value;
    }
    if (c === u8('-')) {
      this.at++;
      return -this.primary();
    }
    let value: i64 = 0;
    for (;;) {
      const digit = this.peek();
      if (digit < u8('0') || digit > u8('9')) return value;
      value = value * 10 + i64(digit - u8('0'));
      this.at++;
    }
  }

  product(): i64 {
    let value = this.primary();
    for (;;) {
      this.skipSpaces();
      switch (this.peek()) {
        case u8('*'):
          this.at++;
          value *= this.primary();
          break;
        case u8('/'):
          this.at++;
          value /= this.primary();
          break;
        case u8('%'):
          this.at++;
          value %= this.primary();
          break;
        default:
          return value;
      }
    }
  }

  sum(): i64 {
    let value = this.product();
    for (;;) {
      this.skipSpaces();
      const c = this.peek();
      if (c === u8('+')) {
        this.at++;
        value += this.product();
      } else if (c === u8('-')) {
        this.at++;
        value -= this.product();
      } else return value;
    }
  }
}

function evaluate(text: str): i64 {
  const parser = stack<Parser>();
  parser.text = text.bytes;
  parser.at = 0;
  return parser.sum();
}

/** @export */
export function run(rounds: u64): u64 {
  let sum: u64 = 0;
  for (let r: u64 = 0; r < rounds * 50; r++) {
    sum += u64(evaluate('1 + 2 * 3 - (4 - 5) * 6 / 2 + 100 % 7'));
    sum += u64(evaluate('((((12345 * 6789) + 13) / 17) - 1) * (2 + 3 * (4 + 5 * (6 + 7)))'));
    sum ^= u64(evaluate('-(-(8 - 3) * 1000000) + 999999999 / 33 % 1000 * 4 - 7 * -6'));
  }
  return sum;
}
