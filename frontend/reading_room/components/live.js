// Opens a socket for live updates; each message is a nudge to read the job again, and so is the opening: what changed before was told to nobody.
const sockets = new WeakMap();
export default function ({ data, parentElement, setTriggerValue }) {
  let state = sockets.get(parentElement);
  if (state?.address === data.address) { state.tell = setTriggerValue; return; }
  state?.end();
  state = { address: data.address, tell: setTriggerValue, end: () => {} };
  sockets.set(parentElement, state);
  if (!data.address) return;
  try {
    const socket = new WebSocket(data.address);
    const beat = setInterval(() => socket.readyState === 1 && socket.send("still here"), 240000);
    state.end = () => { clearInterval(beat); socket.onclose = null; socket.close(); };
    socket.onopen = () => state.tell("nudge", `${Date.now()} open`);
    // All studies of the organization are told; the page shows one.
    socket.onmessage = (e) => e.data.includes(`"${data.job}"`) && state.tell("nudge", `${Date.now()} ${e.data}`);
    socket.onclose = () => { clearInterval(beat); state.tell("closed", Date.now()); };
  } catch { state.tell("closed", Date.now()); }
  return () => state.end();
}
