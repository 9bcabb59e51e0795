import { dirname } from 'node:path';
import { startTask } from '../../core/guard.ts';
import { assertTrustedFolder } from '../../core/trusted-file.ts';
import type { Batch } from './batch.ts';
import type { RecordContent, RowGroup } from './row-group.ts';
import { Segment } from './segment.ts';
import { getRecordBytes } from './segment-record.ts';
import { OwnedFolder } from './spool-owner.ts';
import type { SpoolReporter } from './spool-reporter.ts';

const PART = 'the spool';
/** Errors after which the folder can still be used. */
const TEMPORARY_CODES = new Set(['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'EBUSY', 'EAGAIN', 'EIO']);

export interface SegmentWriterOptions {
  /** Folder in which this process creates its own folder. */
  readonly root: string;
  /** Whether `root` must not be writable by other users. */
  readonly mustTrustRoot: boolean;
  /** Whether rows are written to the disk, so that they survive a power failure. */
  readonly syncsToDisk: boolean;
  /** Size at which a new segment starts. */
  readonly segmentBytes: number;
  /** Called with each new segment. */
  readonly onSegment: (segment: Segment) => void;
  readonly reporter: SpoolReporter;
}

/** Appends batches to the active segment of this process. */
export class SegmentWriter {
  readonly #options: SegmentWriterOptions;
  #folder: OwnedFolder | undefined;
  /** Earlier folders, which can still contain segments with waiting rows. */
  #leftFolders: OwnedFolder[] = [];
  /** Earlier active segments that are not completely on the disk. */
  readonly #unsynced = new Set<Segment>();
  #active: Segment | undefined;
  /** The content that is being appended. */
  #appending: { readonly content: RecordContent; readonly segment: Segment } | undefined;
  #lastCreatedMs = 0;

  constructor(options: SegmentWriterOptions) {
    this.#options = options;
  }

  /** The segment to which batches are appended. */
  get active(): Segment | undefined {
    return this.#active;
  }

  /**
   * Returns the folder of this process, and creates it on the first call.
   *
   * @throws UntrustedFileError, or the error of the file system
   */
  getFolder(): string {
    this.#folder ??= this.#createFolder();
    return this.#folder.path;
  }

  /** Appends a batch. Returns the position after it, or undefined if the disk refuses it. */
  async append(batch: Batch): Promise<BatchPosition | undefined> {
    try {
      return await this.#append(batch);
    } catch (error) {
      return this.#onFailure(error);
    }
  }

  /**
   * Appends a group. Returns the position after it.
   *
   * @throws UntrustedFileError, or the error of the file system. Then the group is not in a segment.
   */
  async appendGroup(group: RowGroup): Promise<BatchPosition> {
    try {
      return await this.#append(group);
    } catch (error) {
      this.#leaveUnusableFolder(error);
      throw error;
    }
  }

  /** Same as `append`, but synchronous. Can be called while `append` is running, also with the same batch. */
  appendSync(batch: Batch): BatchPosition | undefined {
    try {
      const running = this.#appending?.content === batch ? this.#appending.segment : undefined;
      // It can have failed, although `append` has not returned yet.
      const isAppending = running?.isWriting === true;
      const segment = isAppending ? running : this.#getSegmentFor(batch);
      if (isAppending) segment.completeAppendSync();
      else segment.appendSync(batch);
      return { segment, end: segment.bytes };
    } catch (error) {
      return this.#onFailure(error);
    }
  }

  /** Writes batches to a separate segment. Returns undefined if the disk refuses one of them. */
  createSegmentSync(batches: readonly Batch[]): Segment | undefined {
    let segment: Segment | undefined;
    try {
      segment = Segment.create(this.getFolder(), this.#getUniqueTime());
      for (const batch of batches) segment.appendSync(batch);
    } catch (error) {
      startTask(PART, () => segment?.delete());
      return this.#onFailure(error);
    }
    this.startSealing(segment);
    this.#options.onSegment(segment);
    return segment;
  }

  /** Ends the active segment. The next batch starts a new one. */
  seal(): void {
    if (this.#active) this.startSealing(this.#active);
    this.#active = undefined;
  }

  /** Ends a segment, and writes it to the disk if necessary. */
  startSealing(segment: Segment): void {
    const { syncsToDisk, reporter } = this.#options;
    startTask(PART, async () => {
      try {
        await segment.seal(syncsToDisk);
      } catch (error) {
        reporter.reportFailure('completed', error);
      }
      if (syncsToDisk && !segment.isSynced) this.#unsynced.add(segment);
    });
  }

  /** Writes all rows to the disk. After a failure, the next call writes them again. Never rejects. */
  async sync(): Promise<void> {
    const segments = new Set(this.#unsynced);
    if (this.#active) segments.add(this.#active);
    for (const segment of segments) {
      try {
        await segment.sync();
      } catch (error) {
        this.#options.reporter.reportFailure('written', error);
      }
      if (segment.isSynced) this.#unsynced.delete(segment);
      else if (segment !== this.#active) this.#unsynced.add(segment);
    }
  }

  /**
   * Gives up the earlier folders that contain no segments of this process, because each one has a socket.
   *
   * @param segments all segments that this process still uses
   */
  releaseLeftFolders(segments: readonly Segment[]): void {
    if (this.#leftFolders.length === 0) return;
    const used = new Set(segments.map(({ path }) => dirname(path)));
    this.#leftFolders = this.#leftFolders.filter(
      (folder) => used.has(folder.path) || !folder.deleteIfUnused(),
    );
  }

  /** Gives up the folder. The next batch is written to a new one. */
  release(): void {
    if (this.#active?.isWriting) this.#leaveSegment();
    this.seal();
    this.#leaveFolder();
    for (const folder of this.#leftFolders.splice(0)) folder.release();
  }

  async #append(content: RecordContent): Promise<BatchPosition> {
    try {
      const segment = this.#getSegmentFor(content);
      this.#appending = { content, segment };
      await segment.append(content);
      return { segment, end: segment.bytes };
    } finally {
      this.#appending = undefined;
    }
  }

  #createFolder(): OwnedFolder {
    const { root, mustTrustRoot } = this.#options;
    const folder = OwnedFolder.create(root);
    try {
      if (mustTrustRoot) assertTrustedFolder(root);
    } catch (error) {
      folder.release();
      throw error;
    }
    return folder;
  }

  #getSegmentFor(content: RecordContent): Segment {
    if (this.#active) {
      const bytes = this.#active.bytes + getRecordBytes(content);
      const isFull = this.#active.bytes > 0 && bytes > this.#options.segmentBytes;
      const isMoved = this.#active.detachIfMoved();
      if (isFull && this.#active.isWriting) this.#leaveSegment();
      else if (isFull || isMoved) this.seal();
      // Someone has probably deleted the folder too.
      if (isMoved) this.#leaveFolder();
    }
    if (!this.#active) {
      this.#active = Segment.create(this.getFolder(), this.#getUniqueTime());
      this.#options.onSegment(this.#active);
    }
    return this.#active;
  }

  /** The time in its name is the position of a segment among the others. */
  #getUniqueTime(): number {
    this.#lastCreatedMs = Math.max(Date.now(), this.#lastCreatedMs + 1);
    return this.#lastCreatedMs;
  }

  #onFailure(error: unknown): undefined {
    this.#options.reporter.reportUnwritable(error);
    this.#leaveUnusableFolder(error);
  }

  #leaveUnusableFolder(error: unknown): void {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (TEMPORARY_CODES.has(code) || this.#active?.isWriting) return;
    // The folder can no longer be used, for example because the process has dropped its privileges.
    this.seal();
    this.#leaveFolder();
  }

  /** Starts a new segment later, without ending this one: the number of its rows is not known during a write. */
  #leaveSegment(): void {
    if (this.#active && this.#options.syncsToDisk) this.#unsynced.add(this.#active);
    this.#active = undefined;
  }

  #leaveFolder(): void {
    if (!this.#folder) return;
    if (!this.#folder.deleteIfUnused()) this.#leftFolders.push(this.#folder);
    this.#folder = undefined;
  }
}

/** Where a batch ends. */
export interface BatchPosition {
  readonly segment: Segment;
  readonly end: number;
}
