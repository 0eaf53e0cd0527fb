//! Log groups and streams.

use postern_iam::{Arn, NodeId};
use postern_policy::Context;
use postern_store::Tag;

use super::{Creation, Question, Resource, Subject, only};

/// Every log group.
#[derive(Clone, Copy, Debug)]
pub struct AllGroups;

impl Subject for AllGroups {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        only(Resource::LogGroups)
    }

    fn request_keys(&self, _: &mut Context) {}
}

/// A log group, which need not exist.
#[derive(Clone, Debug)]
pub struct OnGroup {
    /// Its name.
    pub name: String,
    /// Its ARN, which may be another account's or region's where requests are passed on.
    pub arn: Arn,
    /// Its tags, if it is there.
    pub tags: Vec<Tag>,
}

impl Subject for OnGroup {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        only(Resource::LogGroup { arn: &self.arn, tags: &self.tags })
    }

    fn request_keys(&self, _: &mut Context) {}
}

/// What acts on log streams are about.
#[derive(Clone, Debug)]
pub struct OnStream {
    /// In which group.
    pub group: String,
    /// The group's ARN.
    pub group_arn: Arn,
    /// Its name. For a listing, how names begin.
    pub stream: String,
    /// The node of the session that it is the log of, if a node asks and there is such a session.
    pub node: Option<NodeId>,
}

impl Subject for OnStream {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        only(self.resource(false))
    }

    fn request_keys(&self, _: &mut Context) {}
}

impl OnStream {
    fn resource(&self, by_group: bool) -> Resource<'_> {
        let Self { group_arn: group, stream, node, .. } = self;
        Resource::LogStream { group, stream, by_group, node: node.as_ref() }
    }
}

/// What acts on streams are about that AWS's policies allow on groups.
#[derive(Clone, Debug)]
pub struct StreamsOfGroup(pub OnStream);

impl Subject for StreamsOfGroup {
    fn ways(&self) -> Vec<Vec<Question<'_>>> {
        only(self.0.resource(true))
    }

    fn request_keys(&self, _: &mut Context) {}
}

acts! {
    /// Make a log group.
    CreateLogGroup = Api(CreateLogGroup), on Creation<OnGroup>;
    /// Remove one.
    DeleteLogGroup = Api(DeleteLogGroup), on OnGroup;
    /// List them.
    DescribeLogGroups = Api(DescribeLogGroups), on AllGroups;
    /// Say how long events stay.
    PutRetentionPolicy = Api(PutRetentionPolicy), on OnGroup;
    /// Let them stay for ever.
    DeleteRetentionPolicy = Api(DeleteRetentionPolicy), on OnGroup;
    /// Make a log stream.
    CreateLogStream = Api(CreateLogStream), on StreamsOfGroup;
    /// Remove one.
    DeleteLogStream = Api(DeleteLogStream), on OnStream;
    /// List them.
    DescribeLogStreams = Api(DescribeLogStreams), on StreamsOfGroup;
    /// Put events into one.
    PutLogEvents = Api(PutLogEvents), on OnStream;
    /// Read one.
    GetLogEvents = Api(GetLogEvents), on OnStream;
    /// Search them.
    FilterLogEvents = Api(FilterLogEvents), on OnGroup;
}
