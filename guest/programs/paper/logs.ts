/**
 * Records of 100 bytes to a logging service, Twizzler style (twzlogboi.ts) and unix style (unixlogboi.ts). The unix service is a
 * thread of this program: a process of its own would cost more, as each switch would change the view. All runs on one hart: times
 * are those of client and service together, until the last record is persistent.
 */
import { DELETE, ObjectId, READ, USE, WRITE } from '../../abi/object.ts';
import { CREATE_TIED, CREATE_VOLATILE } from '../../abi/syscall.ts';
import { Gates, Service } from '../../libtwz/gate.ts';
import { Log } from '../../libtwz/log.ts';
import { baseOf, createObject } from '../../libtwz/object.ts';
import { Queue } from '../../libtwz/queue.ts';
import { ByteStream } from '../../libtwz/stream.ts';
import { Thread, yieldThread } from '../../libtwz/thread.ts';
import { beginRegion, endRegion, newData } from './measure.ts';
import { appended, drain, logNow, openLog, Record } from './twzlogboi.ts';
import * as unix from './unixlogboi.ts';

const TEXT =
  'the record of something that happened just now, in words that fill about a hundred bytes, as they do';
const QUEUE: u64 = 32;
/** Not on a stack: each thread has its own at the same place. */
const pipes = zeroed<unix.Pipes>();

function newLog(count: u64): usize {
  return baseOf(newData(4096 + count * 128, true));
}

function makeService(service: Service): void {
  const id = stack<ObjectId>();
  const gates = stack<Gates>();
  if (createObject(id, READ | WRITE | DELETE | USE | CREATE_VOLATILE | CREATE_TIED) !== 0)
    panic('no space for an object');
  gates.begin(id, null);
  gates.add(logNow);
  gates.publish();
  if (service.open(id) !== 0) panic('the service cannot be opened');
}

function measureGate(count: u64): void {
  const service = stack<Service>();
  const record = stack<Record>();
  makeService(service);
  record.address = TEXT.ptr.address;
  record.length = TEXT.length;
  const start = beginRegion();
  for (let i: u64 = 0; i < count; i++)
    if (service.call(0, addressOf(record)) !== 1) panic('a record was not taken');
  endRegion('gate', start, count);
}

function measureQueue(count: u64): void {
  const queue = at<Queue>(newData(Queue.size(QUEUE), false));
  queue.initialise(QUEUE);
  const thread = stack<Thread>();
  thread.start(drain, addressOf(queue));
  const before = appended();
  const start = beginRegion();
  for (let i: u64 = 0; i < count; i++) queue.put(TEXT.ptr.address, TEXT.length, 0);
  while (appended() !== before + count) yieldThread();
  endRegion('queue', start, count);
  queue.close();
  thread.join();
}

function measurePipe(count: u64): void {
  pipes.requests = at<ByteStream>(newData(sizeof<ByteStream>(), false));
  pipes.answers = at<ByteStream>(newData(sizeof<ByteStream>(), false));
  pipes.log = Log.open(newLog(2 * count))!;
  const thread = stack<Thread>();
  thread.start(unix.serve, addressOf(pipes));
  let start = beginRegion();
  for (let i: u64 = 0; i < count; i++) if (!unix.logNow(pipes, TEXT)) panic('a record was not taken');
  endRegion('answered', start, count);
  start = beginRegion();
  for (let i: u64 = 1; i < count; i++) unix.logLater(pipes, TEXT);
  // The last answer says that all before it are there.
  unix.logNow(pipes, TEXT);
  endRegion('stream', start, count);
  pipes.requests.close();
  thread.join();
}

export function measureLogs(count: u64): void {
  openLog(newLog(2 * count));
  measureGate(count);
  measureQueue(count);
  measurePipe(count);
}
