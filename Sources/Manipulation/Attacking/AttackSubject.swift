import Attacks
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
  /// What it is to get the heatmap of, if that is what the attack wants.
  var target: AttackTarget?

  var start: AttackStart {
    AttackStart(relevance: clean, logits: logits, target: target?.relevance)
  }
}

/// An image whose heatmap others are to get.
struct AttackTarget {
  let name: String
  let picture: Image
  let heatmap: Heatmap
  let relevance: Heatmap
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

extension AttackedImage {
  init(unchanged subject: AttackSubject) {
    self.init(picture: subject.picture, logits: subject.logits, heatmap: subject.heatmap)
  }
}
