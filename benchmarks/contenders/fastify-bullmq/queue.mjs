// The queue of the peer: where it lies and what it is called.
export const NAME = 'notifications'
const url = new URL(process.env.REDIS_URL)
export const connection = { host: url.hostname, port: Number(url.port) }
