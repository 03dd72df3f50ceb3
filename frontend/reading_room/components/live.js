// Opens a socket for live updates; each message is a nudge to read the job again. Without a socket the page polls.
const sockets = new WeakMap();
export default function ({ data, parentElement, setStateValue }) {
  let state = sockets.get(parentElement);
  if (state?.address === data.address) { state.set = setStateValue; return; }
  state?.socket?.close();
  state = { address: data.address, set: setStateValue };
  sockets.set(parentElement, state);
  if (!data.address) return;
  try {
    const socket = (state.socket = new WebSocket(data.address));
    socket.onmessage = (e) => state.set("nudge", `${Date.now()} ${e.data}`);
    socket.onclose = () => state.set("closed", Date.now());
    const beat = setInterval(() => socket.readyState === 1 ? socket.send("still here") : clearInterval(beat), 240000);
  } catch { state.set("closed", Date.now()); }
  return () => state.socket?.close();
}
