// Contender (c), the worker: takes each job and does nothing with it.
import { Worker } from 'bullmq'
import { NAME, connection } from './queue.mjs'

new Worker(NAME, async () => {}, { connection, concurrency: 50 })
