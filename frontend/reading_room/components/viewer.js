// Three planes and 3-D of a scan with its labels, by NiiVue; viewer.html lists the keys.
const loadOnce = (url) => {
  window.__readingRoomScripts ??= {};
  return (window.__readingRoomScripts[url] ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = resolve;
    script.onerror = () => reject(new Error("The viewer could not be loaded."));
    document.head.appendChild(script);
  }));
};

const PLANES = { multi: 3, axial: 0, coronal: 1, sagittal: 2, render: 4 };
// Steps of the crosshair by a voxel: right, anterior, superior are positive. The screen shows the patient's right on the left.
const STEPS = {
  ArrowLeft: [1, 0, 0], ArrowRight: [-1, 0, 0], ArrowUp: [0, 1, 0], ArrowDown: [0, -1, 0],
  PageUp: [0, 0, 1], PageDown: [0, 0, -1],
};
const OPACITY = 45;
const viewers = new WeakMap();

const hasWebGl = () => {
  try {
    return Boolean(document.createElement("canvas").getContext("webgl2"));
  } catch {
    return false;
  }
};

const showMontage = (root, data, why) => {
  root.querySelector(".tools").hidden = true;
  root.querySelector(".stage").hidden = true;
  root.querySelector(".keys").hidden = true;
  const figure = root.querySelector("figure");
  figure.hidden = false;
  figure.querySelector("img").src = data.montage;
  figure.querySelector("figcaption").textContent = why;
  root.dataset.ready = "montage";
};

const make = async (root, data) => {
  await loadOnce(data.library);
  const nv = new window.niivue.Niivue({
    isResizeCanvas: true,
    show3Dcrosshair: true,
    // Of the length of the scan: lines of one voxel fall between the pixels of a small plane.
    crosshairWidth: 0.6,
    crosshairWidthUnit: "percent",
    backColor: [0, 0, 0, 1],
    isRadiologicalConvention: true,
    // as in the montage, and as radiologists hang it
    sagittalNoseLeft: true,
    isColorbar: false,
    isOrientationTextVisible: true,
    showAllOrientationMarkers: true,
    multiplanarPadPixels: 16,  // or the L of one plane and the A of the next stand together as one word
    logLevel: "error",
  });
  await nv.attachToCanvas(root.querySelector("canvas"));
  const place = root.querySelector(".place");
  nv.onLocationChange = (location) => {
    const label = Math.round(location.values?.[1]?.value ?? 0);
    place.textContent = data.names[label] ?? "";
  };
  const load = (url, name, more) => window.niivue.NVImage.loadFromUrl({ url, name, ...more });
  const [image, labels] = await Promise.all([
    load(data.image, "image.nii.gz", { colormap: "gray" }),
    load(data.labels, "labels.nii.gz", { opacity: OPACITY / 100 }),
  ]);
  labels.setColormapLabel(data.colours);
  // Without a graphics card each pass over a layer takes seconds: both go there once, as they are to be seen.
  nv.setSliceType(PLANES.multi);
  nv.volumes = [image];
  nv.addVolume(labels);
  const opacity = root.querySelector("input");
  const apply = () => {
    labels.opacity = opacity.value / 100;
    nv.refreshLayers(labels, 1);  // nv.setOpacity would send the scan to the graphics card anew, too
    nv.drawScene();
  };
  let hiddenAt = null;
  opacity.addEventListener("input", () => { hiddenAt = null; apply(); });
  const plane = (name) => {
    nv.setSliceType(PLANES[name]);
    root.querySelectorAll("button").forEach((b) =>
      b.setAttribute("aria-pressed", String(b.dataset.plane === name)));
  };
  root.querySelectorAll("button").forEach((b) => (b.onclick = () => plane(b.dataset.plane)));
  const reset = () => {
    nv.scene.crosshairPos = [0.5, 0.5, 0.5];
    nv.setPan2Dxyzmm([0, 0, 0, 1]);
    [opacity.value, hiddenAt] = [OPACITY, null];
    apply();
    plane("multi");
  };
  // Heard before NiiVue hears it: its canvas has keys of its own, with another meaning.
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("details")) return;
    const names = Object.keys(PLANES);
    if (event.key in STEPS) {
      if (event.target === opacity) return;  // there arrows move the slider
      nv.moveCrosshairInVox(...STEPS[event.key].map((step) => step * (event.shiftKey ? 10 : 1)));
    } else if (event.key === "Home" && event.target !== opacity) reset();
    else if (event.key >= "1" && event.key <= "5") plane(names[event.key - 1]);
    else if (event.key.toLowerCase() === "o") {
      [opacity.value, hiddenAt] = hiddenAt === null ? [0, opacity.value] : [hiddenAt, null];
      apply();
    } else if (event.key === "[" || event.key === "]") {
      opacity.value = Number(opacity.value) + (event.key === "]" ? 10 : -10);
      apply();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }, true);
  return { nv, key: data.image.split("?")[0] };
};

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".viewer");
  const key = data.image.split("?")[0];
  const known = viewers.get(parentElement);
  if (known?.key === key) return;
  viewers.set(parentElement, { key });
  delete root.dataset.ready;
  if (!hasWebGl()) {
    showMontage(root, data, "This browser shows no 3-D graphics (WebGL 2): overview pictures instead.");
    return;
  }
  make(root, data)
    .then((made) => { viewers.set(parentElement, made); root.dataset.ready = "viewer"; })
    .catch((error) => showMontage(root, data, `${error.message} Overview pictures instead.`));
}
