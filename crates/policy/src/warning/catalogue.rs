//! What requests here can be: the operations and the condition keys that somebody supplies. For warnings only; decisions
//! know no names.

/// Operations of the services that are here, in lower case. A service is known by having a row.
const ACTIONS: &[(&str, &[&str])] = &[
    (
        "ssm",
        &[
            "ssm:addtagstoresource",
            "ssm:cancelcommand",
            "ssm:createactivation",
            "ssm:createdocument",
            "ssm:deleteactivation",
            "ssm:deletedocument",
            "ssm:deregistermanagedinstance",
            "ssm:describeactivations",
            "ssm:describedocument",
            "ssm:describedocumentpermission",
            "ssm:describeinstanceinformation",
            "ssm:describeinstanceproperties",
            "ssm:describesessions",
            "ssm:getaccesstoken",
            "ssm:getcommandinvocation",
            "ssm:getconnectionstatus",
            "ssm:getdocument",
            "ssm:getservicesetting",
            "ssm:listcommandinvocations",
            "ssm:listcommands",
            "ssm:listdocuments",
            "ssm:listdocumentversions",
            "ssm:listinstanceassociations",
            "ssm:listnodes",
            "ssm:listnodessummary",
            "ssm:listtagsforresource",
            "ssm:modifydocumentpermission",
            "ssm:putcompliance",
            "ssm:putcomplianceitems",
            "ssm:putconfigurepackageresult",
            "ssm:putinventory",
            "ssm:registermanagedinstance",
            "ssm:removetagsfromresource",
            "ssm:requestmanagedinstanceroletoken",
            "ssm:resetservicesetting",
            "ssm:resumesession",
            "ssm:sendcommand",
            "ssm:startaccessrequest",
            "ssm:startsession",
            "ssm:terminatesession",
            "ssm:updateassociationstatus",
            "ssm:updatedocument",
            "ssm:updatedocumentdefaultversion",
            "ssm:updateinstanceassociationstatus",
            "ssm:updateinstanceinformation",
            "ssm:updatemanagedinstancepublickey",
            "ssm:updatemanagedinstancerole",
            "ssm:updateservicesetting",
            "ssm:describeassociation",
            "ssm:getdeployablepatchsnapshotforinstance",
            "ssm:getmanifest",
            "ssm:getparameter",
            "ssm:getparameters",
            "ssm:getparametersbypath",
            "ssm:listassociations",
        ],
    ),
    (
        "ssmmessages",
        &[
            "ssmmessages:createcontrolchannel",
            "ssmmessages:createdatachannel",
            "ssmmessages:opencontrolchannel",
            "ssmmessages:opendatachannel",
        ],
    ),
    (
        "ec2messages",
        &[
            "ec2messages:acknowledgemessage",
            "ec2messages:deletemessage",
            "ec2messages:failmessage",
            "ec2messages:getendpoint",
            "ec2messages:getmessages",
            "ec2messages:sendreply",
        ],
    ),
    (
        "ssm-guiconnect",
        &[
            "ssm-guiconnect:cancelconnection",
            "ssm-guiconnect:deleteconnectionrecordingpreferences",
            "ssm-guiconnect:getconnection",
            "ssm-guiconnect:getconnectionrecordingpreferences",
            "ssm-guiconnect:listconnections",
            "ssm-guiconnect:startconnection",
            "ssm-guiconnect:updateconnectionrecordingpreferences",
        ],
    ),
];

/// Condition keys, in lower case. One that ends in `/` is followed by a tag's key.
const KEYS: &[&str] = &[
    "aws:currenttime",
    "aws:epochtime",
    "aws:federatedprovider",
    "aws:multifactorauthage",
    "aws:multifactorauthpresent",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principaltag/",
    "aws:principaltype",
    "aws:requestedregion",
    "aws:requesttag/",
    "aws:resourceaccount",
    "aws:resourcetag/",
    "aws:rolesessionname",
    "aws:securetransport",
    "aws:sourceidentity",
    "aws:sourceip",
    "aws:tagkeys",
    "aws:tokenissuetime",
    "aws:useragent",
    "aws:userid",
    "aws:username",
    "ec2:sourceinstancearn",
    "iam:awsservicename",
    "iam:passedtoservice",
    "iam:permissionsboundary",
    "iam:policyarn",
    "iam:resourcetag/",
    "ssm:accessrequestid",
    "ssm:documentcategories",
    "ssm:documenttype",
    "ssm:resourcetag/",
    "ssm:sessiondocumentaccesscheck",
    "ssm:sourceinstancearn",
    "sts:externalid",
    "sts:rolesessionname",
    "sts:sourceidentity",
    "sts:transitivetagkeys",
];

/// Keys that may have several values.
const SEVERAL: &[&str] = &["aws:tagkeys", "ssm:documentcategories", "sts:transitivetagkeys"];

pub(super) fn is_known_service(service: &str) -> bool {
    ACTIONS.iter().any(|(known, _)| *known == service)
}

pub(super) fn actions_of(service: &str) -> impl Iterator<Item = &'static str> {
    ACTIONS.iter().filter(move |(known, _)| *known == service).flat_map(|(_, actions)| actions.iter().copied())
}

pub(super) fn is_known_key(key: &str) -> bool {
    // A provider of identities has keys of its own, which begin with its name.
    let of_a_provider = key.split_once(':').is_some_and(|(provider, _)| provider.contains('.'));
    of_a_provider || KEYS.iter().any(|known| if known.ends_with('/') { key.starts_with(known) } else { key == *known })
}

pub(super) fn has_several_values(key: &str) -> bool {
    SEVERAL.contains(&key)
}
