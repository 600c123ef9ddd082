import Foolings
import ImageData
import Pictures
import Programs

/// What one network, or the original and the manipulated one, say of an image, and why.
public struct ExplainedImage: Sendable {
  /// What one network predicts.
  public struct Reading: Hashable, Sendable {
    /// The class of the largest logit.
    public let predicted: ClassScore
    /// The class that the heatmaps are for.
    public let explained: ClassScore
    /// What the network gives before any softmax, one number for each class.
    public let logits: [Float]
    /// In the order of the interpreters.
    public let heatmaps: [Heatmap]

    package init(predicted: ClassScore, explained: ClassScore, logits: [Float], heatmaps: [Heatmap])
    {
      self.predicted = predicted
      self.explained = explained
      self.logits = logits
      self.heatmaps = heatmaps
    }
  }

  /// What the networks say of the image when a trigger is on it; each is explained for the class that it
  /// predicts itself, unless one was named.
  public struct Triggered: Sendable {
    public let prepared: Image
    public let network: Reading
    public let original: Reading?
  }

  public let path: String
  /// As the network sees it: resized and cropped, not normalised.
  public let prepared: Image
  /// Names under which the heatmaps are reported.
  public let interpreters: [String]
  public let network: Reading
  /// The original network's, if it was compared with.
  public let original: Reading?
  /// The same with a trigger on the image, if there is one.
  public let triggered: Triggered?
  /// Of all the network's classes.
  public let classNames: [String]
  /// Whether the network's provenance says that it is manipulated.
  public let isManipulated: Bool
}
