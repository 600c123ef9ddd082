import ImageData

extension SkippedImage {
  package init(index: Int, of source: any ImageSource, _ error: any Error) {
    self.init(
      index: index, name: source.name(at: index),
      reason: (error as? ImageError)?.reason ?? "\(error)")
  }
}
