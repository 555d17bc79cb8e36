/**
 * `unixlogboi`: the same logging service in unix style: records are written to a pipe, each with its length before it, and a process at the other
 * end reads them into a buffer, finds where they begin and end, and appends them to the log. Who wants to know that a record is persistent waits
 * for an answer in another pipe. A write and a read are a system call each, which libtwz's streams make to wake the other side.
 */
import { Log } from '../../libtwz/log.ts';
import { ByteStream } from '../../libtwz/stream.ts';

const MOST = 1024;

/** The two pipes between a client and the service. */
export class Pipes {
  requests: ByteStream;
  answers: ByteStream;
  log: Log;
}

/** A record as it goes through the pipe: 8 bytes, the highest bit of the length saying that an answer is wanted, then the text. */
class Message {
  head: u64;
  readonly text: FixedArray<u8, 1016>;
}

const WANTS_ANSWER: u64 = 0x8000_0000_0000_0000;

/** Reads exactly `size` bytes; false at the end of the stream. */
function readAll(stream: ByteStream, address: usize, size: u64): bool {
  let done: u64 = 0;
  while (done < size) {
    const count = stream.read(address + done, size - done);
    if (count === 0) return false;
    done += count;
  }
  return true;
}

/** The service: reads and appends records until the pipe is closed. */
export function serve(argument: u64): u64 {
  const pipes = at<Pipes>(argument);
  const message = stack<Message>();
  const answer = stack<FixedArray<u64, 1>>();
  while (readAll(pipes.requests, addressOf(message), sizeof<u64>())) {
    const length = message.head & ~WANTS_ANSWER;
    if (length > MOST - 8 || !readAll(pipes.requests, addressOf(message.text), length)) return 1;
    answer[0] = u64(pipes.log.append(0, strOf(message.text.ptr, length)));
    if ((message.head & WANTS_ANSWER) !== 0) pipes.answers.write(addressOf(answer), sizeof<u64>());
  }
  return 0;
}

function send(pipes: Pipes, text: str, flags: u64): bool {
  const message = stack<Message>();
  if (text.length > MOST - 8) return false;
  message.head = text.length | flags;
  memory.copy(addressOf(message.text), text.ptr.address, text.length);
  return pipes.requests.write(addressOf(message), sizeof<u64>() + text.length);
}

/** Sends a record and goes on. */
export function logLater(pipes: Pipes, text: str): bool {
  return send(pipes, text, 0);
}

/** Sends a record and waits until it is persistent. */
export function logNow(pipes: Pipes, text: str): bool {
  const answer = stack<FixedArray<u64, 1>>();
  if (!send(pipes, text, WANTS_ANSWER)) return false;
  return readAll(pipes.answers, addressOf(answer), sizeof<u64>()) && answer[0] !== 0;
}
