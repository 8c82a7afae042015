// Upload a file with tus-js-client, however often the connection breaks:
//   node upload.js ENDPOINT FILE CHUNK_BYTES
// Prints "accepted N" when the server has acknowledged N bytes, and at the end "done URL" or
// "failed REASON".
const fs = require("node:fs")
const tus = require("tus-js-client")

const [endpoint, file, chunk] = process.argv.slice(2)
const upload = new tus.Upload(fs.createReadStream(file), {
  endpoint,
  chunkSize: Number(chunk),
  uploadSize: fs.statSync(file).size,
  metadata: { filename: "sea side.mp4", filetype: "video/mp4" },
  retryDelays: Array(600).fill(50),
  onChunkComplete: (_size, accepted) => console.log(`accepted ${accepted}`),
  onSuccess: () => console.log(`done ${upload.url}`),
  onError: (error) => {
    console.log(`failed ${error.message}`)
    process.exitCode = 1
  },
})
upload.start()
