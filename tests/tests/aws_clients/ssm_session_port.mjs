// Bytes through a port session by the independent client `ssm-session`: argv is StreamUrl, TokenValue.
// It answers no handshake, so the agent has one connection for it, whose other end sends everything back. What is sent
// once more, because it acknowledges slowly, is its user's to leave out.
import { createRequire } from "node:module";
const require = createRequire(process.cwd() + "/");
const { ssm } = require("ssm-session");
const WebSocket = require("ws");

const [url, token] = process.argv.slice(2);
const wanted = Uint8Array.from({ length: 200000 }, (_, place) => (place * 7 + (place >> 8)) & 0xff);
const PIECE = 1000;
const received = [];
let count = 0;
let next = 0;
let asked = false;

const socket = new WebSocket(url);
socket.binaryType = "arraybuffer";
socket.onopen = () => ssm.init(socket, { token, termOptions: { cols: 80, rows: 24 } });
socket.onerror = (error) => fail(`socket: ${error.message}`);
socket.onclose = () => fail("the socket closed early");
socket.onmessage = (event) => {
  const message = ssm.decode(event.data);
  if (message.messageType.replaceAll("\0", "").trim() !== "output_stream_data") return;
  ssm.sendACK(socket, message);
  if (!asked) {
    asked = true;
    for (let at = 0; at < wanted.length; at += PIECE) ssm.sendText(socket, wanted.slice(at, at + PIECE));
  }
  if (message.sequenceNumber !== next) return;
  next += 1;
  if (message.payloadType !== 1) return;
  received.push(message.payload);
  count += message.payload.length;
  if (count >= wanted.length) finish();
};

function finish() {
  if (Buffer.compare(Buffer.concat(received), Buffer.from(wanted)) !== 0) fail("other bytes came back");
  console.log("ssm-session is content");
  process.exit(0);
}

function fail(why) {
  console.error(`${why}; ${count} of ${wanted.length} bytes came back`);
  process.exit(1);
}

setTimeout(() => fail("nothing more within 60 s"), 60000);
