import Checkpoints
import Evaluation
import Foundation
import Recipes
import RunFolders
import RunSupport

/// What was measured of an original network, kept for other runs that would measure the same: those of a
/// sweep.
struct SharedOriginal: Codable {
  let result: EvaluationResult
  let gallery: GalleryCollector.Kept

  /// Larger ones, of foolings that keep heatmaps of the input's size, are measured again by each run.
  private static let mostDigests = 1 << 22
  private static let largestFile = 1 << 30
  /// Between two looks at what another run is measuring.
  private static let interval = 0.1

  /// What is kept, or else what `measure` gives, which is kept then. Runs that need the same at the same
  /// time wait for the first.
  ///
  /// - Parameters:
  ///   - folder: where it is kept; nothing is if `nil`.
  ///   - recipe: of the run.
  ///   - gallery: is given what it wants of what is kept.
  /// - Throws: as `measure`; `RunStopped` if stopped while waiting.
  static func result(
    in folder: String?, of recipe: FoolingRecipe, _ setup: Setup, gallery: GalleryCollector,
    stop: StopRequest, measure: () throws -> EvaluationResult
  ) throws -> EvaluationResult {
    guard let folder else { return try measure() }
    let name = try name(of: recipe, setup)
    let kept = try OpenFolder(folder)
    let lock = kept.openLock(name + ".lock")
    defer { if lock >= 0 { close(lock) } }
    // Without a lock several measure the same: that takes longer and changes nothing.
    while lock >= 0, flock(lock, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK || errno == EINTR {
      if stop.isRequested { throw RunStopped("stopped before the first step") }
      Thread.sleep(forTimeInterval: interval)
    }
    let file = name + ".json"
    if let data = try? kept.contents(of: file, atMost: largestFile),
      let known = try? JSONDecoder.nonFinite.decode(Self.self, from: data)
    {
      gallery.take(known.gallery)
      return known.result
    }
    let result = try measure()
    let digests = result.digests.values.reduce(0) { $0 + $1.values.reduce(0) { $0 + $1.count } }
    if digests <= mostDigests {
      let data = try JSONEncoder.nonFinite.encode(
        SharedOriginal(result: result, gallery: gallery.kept))
      try WholeFile.write(data, to: FileTarget(file, in: kept))
    }
    return result
  }

  /// The same for all runs that measure the same of the same files.
  private static func name(of recipe: FoolingRecipe, _ setup: Setup) throws -> String {
    let hash = SHA256Hash()
    for part in [
      Data(Trompe.version.utf8), Data(recipe.measured.utf8),
      try InputRecord(recipe, setup).json(),
      // Weights that are in no file follow from it.
      Data((recipe.network.checkpoint == nil ? "\(recipe.training.seed)" : "").utf8),
    ] {
      part.withUnsafeBytes { hash.add($0) }
      [UInt8(0)].withUnsafeBytes { hash.add($0) }
    }
    return String(hash.digest().prefix(32))
  }
}
