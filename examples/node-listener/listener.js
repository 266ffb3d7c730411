#!/usr/bin/env node
// A listener for Earshot in JavaScript: it logs a greeting for each customer.
// The host names the address to listen at; there is no handshake to print.
import { fileURLToPath } from 'node:url'
import grpc from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

// Outside a checkout of Earshot, keep a copy of listener.proto beside this file.
const proto = fileURLToPath(new URL('../../sdk/proto/listener/v1/listener.proto', import.meta.url))
// 64-bit ids as strings: a JavaScript number would round them.
const { Listener } = grpc.loadPackageDefinition(
  loadSync(proto, { keepCase: true, longs: String, enums: String, defaults: true })
).earshot.listener.v1

const maxMessage = 16 << 20
const keys = ['greeting']
const running = new Set() // the deliveries in flight
let config, stopping, listener

// log writes a line that the host keeps with its level. No payload, no address.
function log (level, message, fields = {}) {
  const time = new Date().toISOString().replace('Z', '000Z')
  process.stderr.write(JSON.stringify({ '@level': level, '@message': message, '@timestamp': time, listener, ...fields }) + '\n')
}

// handle decides about one event. What it throws is a retry.
async function handle (delivery, signal) {
  let payload
  try {
    payload = JSON.parse(delivery.payload.toString())
  } catch {
    return { code: 'CODE_REJECTED', message: 'the payload is not JSON' }
  }
  const id = payload?.customer?.id
  if (!id) return { code: 'CODE_SKIPPED', message: 'the event has no customer' }
  const key = `customer:${id}`
  if (delivery.receipts.some(r => r.key === key)) return { code: 'CODE_DELIVERED' }
  if (!delivery.dry_run) await greet(signal)
  return { code: 'CODE_DELIVERED', receipts: [{ key }] }
}

// greet is where a call to a provider would be; give it the signal.
async function greet (signal) {
  signal.throwIfAborted()
  log('info', config.greeting)
}

// check returns the faults of a configuration, and what it holds if there are none.
function check (bytes) {
  let block
  try {
    block = JSON.parse(bytes.toString() || '{}')
  } catch {
    return { faults: [fault('', 'is not JSON')] }
  }
  const faults = Object.keys(block).filter(k => !keys.includes(k)).map(k => fault(k, `is unknown: the keys are ${keys.join(', ')}`))
  if (block.greeting !== undefined && typeof block.greeting !== 'string') faults.push(fault('greeting', 'must be text'))
  return { faults, block: { greeting: 'hello', ...block } }
}

const fault = (path, summary) => ({ severity: 'SEVERITY_ERROR', path, summary })

const refuse = (code, details) => ({ code: grpc.status[code], details })

const service = {
  Describe (_, done) {
    done(null, {
      name: 'node',
      version: '0.1.0',
      sdk_name: 'none',
      sdk_language: 'javascript',
      capabilities: ['configure'],
      summary: 'greets customers in the log',
      config_schema: Buffer.from(JSON.stringify({
        type: 'object', additionalProperties: false, properties: { greeting: { type: 'string' } }
      }))
    })
  },

  Configure ({ request }, done) {
    const { faults, block } = check(request.config)
    if (faults.length === 0 && !request.validate_only) [config, listener] = [block, request.listener]
    done(null, { diagnostics: faults })
  },

  Handle (call, done) {
    const delivery = call.request.delivery
    if (stopping) return done(refuse('UNAVAILABLE', 'the listener is stopping'))
    if (!config) return done(refuse('FAILED_PRECONDITION', 'call Configure first'))
    const abort = new AbortController()
    call.on('cancelled', () => abort.abort())
    const work = handle(delivery, abort.signal)
      .catch(err => {
        log('error', 'handler failed', { event_id: delivery.event_id, attempt: delivery.attempt, stack: err.stack })
        return { code: 'CODE_RETRY', message: err.message.slice(0, 1000) }
      })
      .then(outcome => done(null, { outcome }))
      .finally(() => running.delete(work))
    running.add(work)
  },

  CheckHealth (_, done) {
    done(null, { healthy: true })
  },

  async Stop ({ request }, done) {
    await drain(1000 * Number(request.drain_for?.seconds ?? 0) + (request.drain_for?.nanos ?? 0) / 1e6)
    done(null, { unfinished: running.size })
  }
}

// drain refuses new deliveries and waits for those in flight, at most ms.
async function drain (ms) {
  stopping = true
  let timer
  await Promise.race([Promise.all(running), new Promise(resolve => { timer = setTimeout(resolve, ms) })])
  clearTimeout(timer)
}

const address = process.env.EARSHOT_LISTENER_ADDR
if (!address) {
  console.error('This is a listener for Earshot; a host starts it.')
  process.exit(2)
}

// The host says when to end: by Stop, or by its own end, which closes stdin.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {})
process.stderr.on('error', () => {})
process.stdin.on('end', async () => {
  await drain(1500)
  process.exit(0)
}).resume()

const server = new grpc.Server({ 'grpc.max_receive_message_length': maxMessage, 'grpc.max_send_message_length': maxMessage })
server.addService(Listener.service, service)
server.bindAsync(address, grpc.ServerCredentials.createInsecure(), err => {
  if (!err) return
  console.error(`listen at ${address}: ${err.message}`)
  process.exit(1)
})
