// A shell through the independent client `ssm-session`: argv is StreamUrl, TokenValue.
// It answers no handshake, names no ClientId, and fills the digest with hex text: all of that has to work.
import { createRequire } from "node:module";
const require = createRequire(process.cwd() + "/");
const { ssm } = require("ssm-session");
const WebSocket = require("ws");

const [url, token] = process.argv.slice(2);
const text = new TextDecoder();
const size = { cols: 97, rows: 31 };
let screen = "";
let asked = false;

const socket = new WebSocket(url);
socket.binaryType = "arraybuffer";
socket.onopen = () => ssm.init(socket, { token, termOptions: size });
socket.onerror = (error) => fail(`socket: ${error.message}`);
socket.onclose = () => fail("the socket closed early");
socket.onmessage = (event) => {
  const message = ssm.decode(event.data);
  const kind = message.messageType.replaceAll("\0", "").trim();
  if (kind === "channel_closed") return finish();
  if (kind !== "output_stream_data") return;
  ssm.sendACK(socket, message);
  if (message.payloadType === 17) ssm.sendInitMessage(socket, size);
  if (message.payloadType !== 1) return;
  screen += text.decode(message.payload);
  if (!asked) {
    asked = true;
    ssm.sendText(socket, new TextEncoder().encode("stty size; echo ready-$((40+2)); exit\r"));
  }
};

function finish() {
  if (!screen.includes("ready-42")) fail("no answer from the shell");
  if (!screen.includes("31 97")) fail("the size was not taken over");
  console.log("ssm-session is content");
  process.exit(0);
}

function fail(why) {
  console.error(`${why}; the screen: ${JSON.stringify(screen)}`);
  process.exit(1);
}

setTimeout(() => fail("nothing more within 30 s"), 30000);
