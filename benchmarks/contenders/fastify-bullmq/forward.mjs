// Contender (c), forwarding: posts each job to the web hook, over a pool of kept-alive connections.
import { Worker } from 'bullmq'
import { Pool } from 'undici'
import { NAME, connection } from './queue.mjs'

const url = new URL(process.env.HOOK_URL)
const pool = new Pool(url.origin, { connections: 16 })
const headers = { 'content-type': 'application/cloudevents+json' }
const post = async (job) => {
  const body = JSON.stringify(job.data)
  const id = { 'webhook-id': job.data.id }
  const answer = await pool.request({
    path: url.pathname, method: 'POST', headers: { ...headers, ...id }, body,
  })
  await answer.body.dump()
  if (answer.statusCode >= 300) throw new Error(`answered ${answer.statusCode}`)
}
new Worker(NAME, post, { connection, concurrency: 50 })
