// Puts the notifications read from standard input, one JSON document a line, onto the queue.
import { createInterface } from 'node:readline'
import { Queue } from 'bullmq'
import { NAME, connection } from './queue.mjs'

const queue = new Queue(NAME, { connection })
const opts = { removeOnComplete: true }
let jobs = []
for await (const line of createInterface({ input: process.stdin })) {
  jobs.push({ name: 'mo', data: JSON.parse(line), opts })
  if (jobs.length === 1000) await queue.addBulk(jobs.splice(0))
}
await queue.addBulk(jobs)
await queue.close()
