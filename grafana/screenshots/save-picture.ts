import sharp from 'sharp';

/** Saves a screenshot as a PNG file. Fewer colors make smaller files. */
export async function savePicture(screenshot: Buffer, file: string, colorCount: number) {
  await sharp(screenshot).png({ palette: true, colours: colorCount, effort: 10 }).toFile(file);
}
