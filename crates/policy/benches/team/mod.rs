//! What a benchmark decides with.

/// A policy of ten statements as people write them: documents, nodes by tag, own sessions, logs, keys, a deny or two.
pub(crate) fn document(number: usize) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[
        {{"Effect":"Allow","Action":"ssm:StartSession","Resource":"arn:aws:ssm:*:*:document/Team{number}-*"}},
        {{"Effect":"Allow","Action":"ssm:StartSession","Resource":"arn:aws:ssm:*:123456789012:managed-instance/*",
          "Condition":{{"StringLike":{{"ssm:resourceTag/Team":"team{number}"}}}}}},
        {{"Effect":"Allow","Action":["ssm:TerminateSession","ssm:ResumeSession"],
          "Resource":"arn:aws:ssm:*:*:session/${{aws:username}}-*"}},
        {{"Effect":"Allow","Action":["ssm:Describe*","ssm:Get*","ssm:List*"],"Resource":"*"}},
        {{"Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents","logs:DescribeLogGroups"],"Resource":"*"}},
        {{"Effect":"Allow","Action":"kms:GenerateDataKey","Resource":"arn:aws:kms:eu-west-1:123456789012:key/{number}"}},
        {{"Effect":"Deny","Action":"ssm:StartSession","Resource":"arn:aws:ssm:*:*:document/AWS-StartSSHSession"}},
        {{"Effect":"Deny","Action":"*","Resource":"*","Condition":{{"Bool":{{"aws:SecureTransport":"false"}}}}}},
        {{"Effect":"Deny","Action":"ssm:*","Resource":"*",
          "Condition":{{"NotIpAddress":{{"aws:SourceIp":["10.0.0.0/8","203.0.113.0/24"]}}}}}},
        {{"Effect":"Allow","Action":["s3:Get*","s3:List*"],
          "Resource":["arn:aws:s3:::team{number}","arn:aws:s3:::team{number}/*"]}}]}}"#
    )
}
