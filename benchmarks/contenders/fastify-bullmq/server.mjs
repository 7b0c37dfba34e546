// Contender (c), the door: authenticate, parse, add one job, and answer once the job is stored.
import { createHash, timingSafeEqual } from 'node:crypto'
import { Queue } from 'bullmq'
import Fastify from 'fastify'
import { NAME, connection } from './queue.mjs'

const digest = (text) => createHash('sha256').update(text).digest()
const wanted = digest(`Bearer ${process.env.RECEIVER_BEARER_TOKENS}`)
const text = { type: 'string' }
const object = (properties) => ({ type: 'object', required: Object.keys(properties), properties })
const message = object({
  DateTime: text, Message: text, SenderAddress: text, DestinationAddress: text,
})
const status = object({
  deliveryInfoNotification: object({
    messageId: text, deliveryInfo: object({ address: text, deliveryStatus: text }),
  }),
})
const attributes = { specversion: text, id: text, source: text, type: text }

const queue = new Queue(NAME, { connection })
const app = Fastify()
app.addContentTypeParser('application/cloudevents+json', { parseAs: 'string' },
  app.getDefaultJsonParser('error', 'error'))
app.addHook('onRequest', async (request, reply) => {
  if (!timingSafeEqual(digest(request.headers.authorization ?? ''), wanted)) {
    return reply.code(401).header('www-authenticate', 'Bearer').send()
  }
})
const stored = async (reply, name, job) => {
  await queue.add(name, job, { removeOnComplete: true })
  return reply.code(204).send()
}
app.post('/att/sms/mo', { schema: { body: message } },
  (request, reply) => stored(reply, 'mo', request.body))
app.post('/att/sms/delivery-status', { schema: { body: status } },
  (request, reply) => stored(reply, 'status', request.body))
// CloudEvents in structured mode, or in binary mode, whose attributes are headers.
app.post('/camara/notifications', async (request, reply) => {
  let job = request.body
  if (request.headers['ce-specversion']) {
    job = { data: job }
    for (const [name, value] of Object.entries(request.headers)) {
      if (name.startsWith('ce-')) job[name.slice(3)] = value
    }
  }
  if (Object.keys(attributes).some((name) => typeof job[name] !== 'string')) {
    return reply.code(400).send()
  }
  return stored(reply, 'event', job)
})
await queue.waitUntilReady()
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
