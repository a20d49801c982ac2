// Starts kinesalite on a free port of the loopback interface, says which, and ends with whoever started it.
'use strict'

const kinesalite = require('kinesalite')

const server = kinesalite({ createStreamMs: 20, updateStreamMs: 20, shardLimit: 100 })
server.listen(0, '127.0.0.1', () => console.log(`listening on 127.0.0.1:${server.address().port}`))

// The starter holds the other end of this pipe: when it is gone, however it ended, so is this.
process.stdin.on('end', () => process.exit(0))
process.stdin.resume()
