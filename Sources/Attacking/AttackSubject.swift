import Attacks
import Foolings
import ImageData
import Pictures

/// An image before an attack.
struct AttackSubject {
  /// In the source.
  package let position: Int
  package let name: String
  package let label: Int
  /// As the network takes it: resized and cropped, in 8 bits.
  package let picture: Image
  package let logits: [Float]
  /// For the label, as the interpreter gives it.
  package let heatmap: Heatmap
  /// Its relevance map.
  package let clean: Heatmap
  /// What it is to get the heatmap of, if that is what the attack wants.
  package var target: AttackTarget?

  package var start: AttackStart {
    AttackStart(relevance: clean, logits: logits, target: target?.relevance)
  }
}

/// An image whose heatmap others are to get.
struct AttackTarget {
  package let name: String
  package let picture: Image
  package let heatmap: Heatmap
  package let relevance: Heatmap
}

/// What an attack has made of an image. Everything is measured on the picture in 8 bits.
struct AttackedImage {
  package var picture: Image
  package var logits: [Float]
  package var heatmap: Heatmap
  /// After how many iterations; `nil` if no iterate kept the label and made progress, and the picture
  /// is the clean one.
  package var iteration: Int?
}

extension AttackedImage {
  package init(unchanged subject: AttackSubject) {
    self.init(picture: subject.picture, logits: subject.logits, heatmap: subject.heatmap)
  }
}
