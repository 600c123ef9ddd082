import ImageData

extension SkippedImage {
  /// So many of a set are named in warnings.
  static let shown = 10

  init(index: Int, of source: any ImageSource, _ error: any Error) {
    self.init(
      index: index, name: source.name(at: index),
      reason: (error as? ImageError)?.reason ?? "\(error)")
  }
}

extension [SkippedImage] {

  /// A warning for each of the first ten, and one that counts the others.
  /// - Parameter known: how many of them were reported before.
  func report(after known: Int = 0, to observe: (RunEvent) -> Void) {
    for image in prefix(SkippedImage.shown).dropFirst(known) {
      observe(.warning("\(image.name) is left out: \(image.reason)"))
    }
    if count > SkippedImage.shown, count > known {
      observe(
        .warning(
          "\(count - Swift.max(known, SkippedImage.shown)) more files are left out, \(count) in all"
        ))
    }
  }
}
