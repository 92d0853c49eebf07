// Scanning with the phone's camera, where the browser itself can read QR codes; the picture never leaves it.
const EVERY_MS = 200;

export function canScan() {
  return "BarcodeDetector" in window && Boolean(navigator.mediaDevices?.getUserMedia);
}

// The first certificate text seen; null when stopped; throws when the camera does not start.
export async function scan(video, stop) {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  try {
    video.srcObject = stream;
    await video.play();
    const detector = new window.BarcodeDetector({ formats: ["qr_code"] });
    while (!stop.aborted) {
      const found = (await detector.detect(video)).find((code) => code.rawValue.startsWith("HC1:"));
      if (found) return found.rawValue;
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
    return null;
  } finally {
    for (const track of stream.getTracks()) track.stop();
  }
}
