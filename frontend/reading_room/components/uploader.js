// Sends a scan from the browser straight to storage, with a form that the server asked the API for.
const states = new WeakMap();
const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

const check = async (file, most) => {
  if (file.size === 0) return "The file is empty.";
  if (file.size > most) return `The file has ${megabytes(file.size)} MB; ${megabytes(most)} MB can be taken.`;
  const head = new Uint8Array(await file.slice(0, 132).arrayBuffer());
  const text = (from, to) => String.fromCharCode(...head.slice(from, to));
  if (text(0, 2) === "PK" || text(128, 132) === "DICM") return "";
  if (head.length < 4) return "This is no scan.";
  const gzip = head[0] === 0x1f && head[1] === 0x8b;
  const length = new DataView(head.buffer).getInt32(0, true);
  const swapped = new DataView(head.buffer).getInt32(0, false);
  const nifti = [348, 540].includes(length) || [348, 540].includes(swapped);
  return gzip || nifti ? "" : "This is no NIfTI image (.nii or .nii.gz), and no zip of DICOM files.";
};

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".uploader");
  const zone = root.querySelector(".zone");
  const input = root.querySelector("input");
  const trouble = root.querySelector(".trouble");
  const sending = root.querySelector(".sending");
  const say = (text) => { trouble.textContent = text; trouble.hidden = !text; };
  let state = states.get(parentElement);
  if (!state) {
    state = { file: null, sent: new Set(), request: null };
    states.set(parentElement, state);
    const take = async (file) => {
      if (!file || state.request) return;
      const wrong = await check(file, state.most);
      say(wrong);
      if (wrong) return;
      state.file = file;
      zone.setAttribute("aria-disabled", "true");
      state.trigger("chosen", { size: file.size, at: Date.now() });
    };
    const choose = () => { if (!state.request) input.click(); };
    zone.addEventListener("click", choose);
    zone.addEventListener("keydown", (e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); choose(); } });
    zone.addEventListener("dragover", (e) => { e.preventDefault(); zone.classList.add("over"); });
    zone.addEventListener("dragleave", () => zone.classList.remove("over"));
    zone.addEventListener("drop", (e) => { e.preventDefault(); zone.classList.remove("over"); take(e.dataTransfer.files[0]); });
    input.addEventListener("change", () => { take(input.files[0]); input.value = ""; });
    root.querySelector(".cancel").onclick = () => state.request?.abort();
  }
  state.most = data.most;
  state.trigger = setTriggerValue;
  if (data.problem) { say(data.problem); zone.removeAttribute("aria-disabled"); }
  const form = data.form;
  if (!form || !state.file || state.sent.has(form.job_id)) return;
  state.sent.add(form.job_id);
  const body = new FormData();
  for (const [name, value] of Object.entries(form.fields)) body.append(name, value);
  body.append("file", state.file, "upload");
  const request = (state.request = new XMLHttpRequest());
  const started = performance.now();
  const figures = root.querySelector(".figures");
  const bar = root.querySelector("progress");
  const end = (what, text) => {
    state.request = null;
    state.file = null;
    sending.hidden = true;
    zone.removeAttribute("aria-disabled");
    say(text);
    state.trigger(what, { job_id: form.job_id, at: Date.now() });
  };
  sending.hidden = false;
  request.upload.onprogress = (e) => {
    const speed = e.loaded / ((performance.now() - started) / 1000);
    bar.value = (100 * e.loaded) / e.total;
    figures.textContent = `${megabytes(e.loaded)} of ${megabytes(e.total)} MB, ${megabytes(speed)} MB/s`;
  };
  request.onload = () => request.status === 204
    ? end("sent", "")
    : end("failed", `Storage refused the file (${request.status}). Choose it again.`);
  request.onerror = () => end("failed", "The upload broke off. Choose the file again.");
  request.onabort = () => end("failed", "The upload was cancelled.");
  request.open("POST", form.url);
  request.send(body);
}
