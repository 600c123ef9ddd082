import ImageData
import Pictures

/// An image before an attack.
struct AttackSubject {
  /// In the source.
  let position: Int
  let name: String
  let label: Int
  /// As the network takes it: resized and cropped, in 8 bits.
  let picture: Image
  let logits: [Float]
  /// For the label, as the interpreter gives it.
  let heatmap: Heatmap
  /// Its relevance map.
  let clean: Heatmap
}

/// What an attack has made of an image. Everything is measured on the picture in 8 bits.
struct AttackedImage {
  var picture: Image
  var logits: [Float]
  var heatmap: Heatmap
  /// After how many iterations; `nil` if no iterate kept the label and made progress, and the picture
  /// is the clean one.
  var iteration: Int?
}
