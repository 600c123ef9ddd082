import ImageData

/// Says which images are omitted: the first ones each, of the others how many they are.
package struct OmittedImages {
  package static let most = 10

  private var count = 0

  package init() {
  }

  /// - Parameter text: of one image, in a sentence.
  package mutating func tell(_ text: String, _ observe: (RunEvent) -> Void) {
    count += 1
    if count <= Self.most { observe(.warning(text)) }
  }

  package mutating func tell(_ images: some Sequence<SkippedImage>, _ observe: (RunEvent) -> Void) {
    for image in images { tell("\(image.name) is omitted: \(image.reason)", observe) }
  }

  /// When no more can come.
  package mutating func finish(_ observe: (RunEvent) -> Void) {
    let others = count - Self.most
    if others > 0 {
      observe(
        .warning(
          (others == 1
            ? "1 more file is omitted" : "\(grouped(others)) more files are omitted")
            + ", \(grouped(count)) in all"))
    }
    count = 0
  }

  /// All of them at once.
  package static func tell(_ images: some Sequence<SkippedImage>, _ observe: (RunEvent) -> Void) {
    var told = OmittedImages()
    told.tell(images, observe)
    told.finish(observe)
  }
}
