import ImageData
import Networks

extension Preprocessing.Style {
  /// What a family's published weights expect; `torch` for a family that does not exist.
  package init(family: String) {
    switch NetworkFamily.all.first(where: { $0.name == family })?.pixels {
    case .torch, nil: self = .torch
    case .caffe: self = .caffe
    case .tf: self = .tf
    case .lite: self = .lite
    }
  }
}
