// Contender (c), the door: authenticate, parse, add one job, and answer once the job is stored.
import { createHash, timingSafeEqual } from 'node:crypto'
import { Queue } from 'bullmq'
import Fastify from 'fastify'
import { NAME, connection } from './queue.mjs'

const digest = (text) => createHash('sha256').update(text).digest()
const wanted = digest(`Bearer ${process.env.RECEIVER_BEARER_TOKENS}`)
const text = { type: 'string' }
const body = {
  type: 'object',
  required: ['DateTime', 'Message', 'SenderAddress', 'DestinationAddress'],
  properties: { DateTime: text, Message: text, SenderAddress: text, DestinationAddress: text },
}

const queue = new Queue(NAME, { connection })
const app = Fastify()
app.addHook('onRequest', async (request, reply) => {
  if (!timingSafeEqual(digest(request.headers.authorization ?? ''), wanted)) {
    return reply.code(401).header('www-authenticate', 'Bearer').send()
  }
})
app.post('/att/sms/mo', { schema: { body } }, async (request, reply) => {
  await queue.add('mo', request.body, { removeOnComplete: true })
  return reply.code(204).send()
})
await queue.waitUntilReady()
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
