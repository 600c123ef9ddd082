/// How a network's last numbers become probabilities of classes.
public enum ClassifierOutput: String, Hashable, Sendable, CaseIterable {
  /// One of several classes: p = softmax(logits).
  case softmax
  /// One number z, the logit of class 1 against class 0: p = σ(z). As logits of both classes stand
  /// −z/2 and z/2, whose softmax is 1 − σ(z) and σ(z).
  case binary
  /// Several labels, each by itself: p = σ(logits).
  case labels
}

extension Architecture {
  /// One number for two classes is a binary classifier's, with or without its sigmoid; a sigmoid over
  /// several numbers gives labels; everything else, with or without its softmax, tells classes apart.
  public var output: ClassifierOutput {
    if classes == 2, shapes[shapes.count - 1] == [1] { return .binary }
    return nodes[nodes.count - 1].layer == .activation(.sigmoid) ? .labels : .softmax
  }
}

extension Layer {
  /// Whether what enters it at the end of a network are the logits.
  public var endsInProbabilities: Bool { self == .softmax || self == .activation(.sigmoid) }
}
